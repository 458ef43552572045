"""The parts of make plan: what would run and why, what is kept of earlier runs, what it would take, and how that is told."""
