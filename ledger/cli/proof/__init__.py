"""What proves a book: coverage."""
