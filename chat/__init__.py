"""The conversation of an order: messages of people, and of the system."""
