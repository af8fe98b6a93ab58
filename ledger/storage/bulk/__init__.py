"""How many rows come into a book at once."""
