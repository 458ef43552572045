"""Logs of production: what a line of ours holds, and the lines of other people's logs read into the same."""
