"""Building and deploying: what the Makefile calls. Standard library and pip only."""
