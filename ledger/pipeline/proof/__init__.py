"""Proof that a history is complete: rows against running balances, what was pulled and what was not, and all payloads read again."""
