"""Coinbase Advanced Trade: signed REST history of a retail account, with the wallet history of its v2 API."""
