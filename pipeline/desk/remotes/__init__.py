"""The parts of make forget."""
