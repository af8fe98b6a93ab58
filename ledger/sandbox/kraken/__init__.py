"""Kraken spot as the sandbox speaks it: endpoints, key and nonces, pages by offset, rows."""
