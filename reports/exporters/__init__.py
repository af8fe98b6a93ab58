"""One file = one file format: a neutral table document in, bytes out."""
