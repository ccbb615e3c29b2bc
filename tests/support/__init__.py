"""What several tests need: fault injection and servers that speak like AWS."""
