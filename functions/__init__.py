"""One folder for each deployed function; its handler is wiring."""
