"""What earlier releases have left in the store, and that this one goes on with it."""
