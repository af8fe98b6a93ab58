"""Databases that trading bots keep of their own orders: read for the names of orders and bots only, never for amounts."""
