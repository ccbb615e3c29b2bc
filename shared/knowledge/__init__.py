"""What agents can look up: documents, their index, and other people's search, behind one port."""
