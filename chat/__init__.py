"""The conversation of an order: people's messages, and the system's."""
