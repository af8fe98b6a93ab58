"""Kraken spot: signed REST history of one account, booked by the venue's own ledger."""
