"""Tests stand on fixtures of their own, never on `task/` or `data/`, which a team replaces."""
