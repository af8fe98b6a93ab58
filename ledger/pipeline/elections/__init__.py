"""Elections in the book: recorded here, told by files, sealed in the register, looked at before a sale and proved after it."""
