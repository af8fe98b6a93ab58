"""The terminal's face: parse, call one step, print."""

import gc

_GARBAGE_THRESHOLD = 200_000  # a batch job makes millions of values and hardly a cycle: looking rarely saves a tenth of the time
gc.set_threshold(_GARBAGE_THRESHOLD)  # before all other imports: these make a hundred thousand values and hardly a cycle too
