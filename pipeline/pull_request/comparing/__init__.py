"""This tree's models beside those of another commit: what measured each, and what can be compared."""
