"""What the bots of the sandbox did, drawn from a seed: products and prices, plans, their execution, and the rows of it."""
