"""What an operator runs: serve, record, monitor, and what goes wrong brought back as data."""
