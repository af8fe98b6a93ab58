"""Coinbase Advanced Trade as the sandbox speaks it: endpoints, tokens, pages, rows."""
