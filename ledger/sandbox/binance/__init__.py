"""Binance as the sandbox speaks it: endpoints, key, pages, rows."""
