"""Tools: what an agent's model may call."""
