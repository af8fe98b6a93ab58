"""Chance without a die: numbers that depend on nothing but what they are asked for."""

import hashlib


def noise(*parts: str | int, below: int) -> int:
    """Return a number from 0 to `below` - 1, always the same for the same `parts`."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) % below
