"""Models that fail, and what a client sees of it."""
