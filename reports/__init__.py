"""One file = one report: facts in, a neutral table document out. Pure."""
