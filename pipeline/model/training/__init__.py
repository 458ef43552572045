"""How a model is trained: the recipe, its phases, what each of them does, what is proved, and how a run survives a kill."""
