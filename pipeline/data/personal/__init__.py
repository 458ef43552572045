"""Personal data and secrets: found, masked, counted, never shown."""
