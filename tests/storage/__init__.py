"""What the adapters of the storage ports promise beyond the contracts."""
