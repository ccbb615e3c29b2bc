"""A laptop as the cloud: the gateway, wakes and a demo model in one process."""
