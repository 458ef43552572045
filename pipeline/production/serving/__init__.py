"""The server in front of the engine: what it lets in, how it passes it on, what it counts."""
