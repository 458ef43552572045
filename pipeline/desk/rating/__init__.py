"""The parts of make rate."""
