"""The HTTP API, from API Gateway's event to its answer."""
