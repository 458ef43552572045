"""Failures of production: found in logs, folded, capped, proposed to reviewers, and turned into data once they are approved."""
