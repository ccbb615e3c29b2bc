"""What leaves the core: wakes to workers, events to clients, requests to other systems."""
