"""What an order is, how it may change, and the effects of a change."""
