"""A loopback exchange that speaks real dialects over one invented account, and misbehaves on request."""
