"""What an order is, how it may change, and what must follow from a change."""
