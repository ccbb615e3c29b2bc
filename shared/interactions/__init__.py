"""Structured questions that an agent asks a user: what they are, and what answers them."""
