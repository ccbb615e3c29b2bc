"""The wire: what clients may send, what they are sent. Strict, and without I/O."""
