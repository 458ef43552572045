"""Which side of the split a record is on, and what leaks from one side to the other."""
