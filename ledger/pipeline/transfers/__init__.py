"""Halves of transfers: paired, routed before the law, and listed for people."""
