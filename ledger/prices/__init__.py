"""One file per price source."""
