"""How connectors reach a venue: clock and time budget, rate, retries, redaction, and the walk over pages."""
