"""What the stages know of models: base, rendering, methods, generation. The only place that imports torch."""
