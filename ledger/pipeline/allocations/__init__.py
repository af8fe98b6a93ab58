"""The taxpayer's documents that put unused basis into wallets: taken in once, and weighed again whenever lots are matched."""
