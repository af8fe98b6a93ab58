"""Words for the two halves of a transfer and what joins them."""
