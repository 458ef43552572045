"""Metrics and statistics. Knows no path and no model."""
