"""Rows of every common shape and container, read into records."""
