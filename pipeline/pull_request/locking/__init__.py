"""The parts of make verify: what DVC names, what is there, what comes out when a stage runs again, and how that is told."""
