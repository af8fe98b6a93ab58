"""Any venue that the ccxt library knows: read by a command in an environment of its own, and vouched for by nobody."""
