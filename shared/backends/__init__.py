"""Where agents are configured."""
