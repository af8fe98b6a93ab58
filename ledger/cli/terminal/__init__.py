"""The terminal: what is printed where, progress, and readers that go away."""
