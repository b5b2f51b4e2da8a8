"""Live events: channels, streams and replay; it knows nothing of orders."""
