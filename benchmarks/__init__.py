"""What the product costs in real time: measured by hand, never asserted."""
