"""The pipeline: stages as modules, what they share as folders."""
