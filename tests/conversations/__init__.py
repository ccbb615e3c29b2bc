"""Sessions, connections, messages and turns, on the real table."""
