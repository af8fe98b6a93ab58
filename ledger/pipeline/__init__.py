"""One file per verb: the only room that joins the pure wing and the edge wing."""
