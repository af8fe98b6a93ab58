"""Reports in the shape of United States forms."""
