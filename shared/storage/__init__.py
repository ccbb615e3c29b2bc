"""Where state lives: the Table and Artifacts ports and their adapters."""
