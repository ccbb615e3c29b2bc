"""Requests to other people's servers, and where they may go."""
