"""Coinbase Exchange: signed REST history of an institutional account."""
