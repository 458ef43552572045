"""The parts of make review, and how untrusted text is shown in a terminal."""
