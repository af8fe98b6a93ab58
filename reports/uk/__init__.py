"""Reports for returns of the United Kingdom."""
