"""The terminal's face: parse, call one step, print."""
