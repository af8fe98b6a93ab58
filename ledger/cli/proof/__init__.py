"""What proves a book: coverage, and reading all payloads again."""
