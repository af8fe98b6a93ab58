"""Binance and Binance.US, spot."""
