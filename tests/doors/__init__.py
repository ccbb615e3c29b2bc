"""Every way in, tried on a running deployment: the handshake, HTTP, the frame that renews."""
