"""What a developer runs at a desk: run, baseline, base, add-source, new."""
