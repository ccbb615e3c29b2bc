"""Sessions, messages and turns: what a client of the WebSocket API talks to."""
