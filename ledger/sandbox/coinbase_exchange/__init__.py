"""Coinbase Exchange as the sandbox speaks it: endpoints, key, pages, rows."""
