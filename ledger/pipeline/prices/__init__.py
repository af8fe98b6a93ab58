"""Prices: what events were worth, where the quotes come from, and which of them count."""
