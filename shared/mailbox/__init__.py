"""Jobs, leases and wakes: the one mechanism behind everything that happens later."""
