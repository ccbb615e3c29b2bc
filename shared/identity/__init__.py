"""Who is calling, and the one place that decides what they may."""
