"""A server on this machine that answers for an arm: what it is given, how it is started, asked and stopped."""
