"""The words of the house: frozen values from the standard library only. No I/O, no clock, no settings."""
