"""What goes over the wire to the store, counted."""
