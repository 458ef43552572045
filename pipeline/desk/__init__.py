"""What a developer runs at a desk: run and what comes before it, the data commands, ask, review, forget."""
