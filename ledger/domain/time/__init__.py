"""When things happen: instants, days and tax years."""
