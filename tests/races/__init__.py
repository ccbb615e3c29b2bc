"""What clients and processes do at the same moment."""
