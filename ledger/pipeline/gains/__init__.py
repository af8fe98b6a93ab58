"""Disposals -> gain rows: what the law says of each, and what brokers told of it."""
