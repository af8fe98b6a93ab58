"""Bots: to whom events are attributed, and what the bots' own databases say of orders."""
