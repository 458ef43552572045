"""The recorder: what the server heard becomes lines of the log, in a process of its own that the server never waits for."""
