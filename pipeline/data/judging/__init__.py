"""The judge: a language model that votes on pairs of answers. What it is asked, and what becomes of its replies."""
