"""What the monitor makes of logs: measures with intervals, drift, alerts, and the pages that tell them."""
