"""`parley chat`: a conversation with an agent, in a terminal or in a pipe."""
