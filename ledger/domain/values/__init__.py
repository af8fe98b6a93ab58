"""How values are made, whatever they mean."""
