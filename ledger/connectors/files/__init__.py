"""Exports as files: one module per format."""
