"""One turn, as a generator of events, without input or output of its own."""
