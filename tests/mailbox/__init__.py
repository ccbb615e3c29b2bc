"""The mailbox's operations one by one, its keeper, its drain, its sweep and its deliveries."""
