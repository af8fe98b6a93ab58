"""Parts of `Reader` and `Writer`, one for each kind of thing that a book keeps beside events, entries and lots."""
