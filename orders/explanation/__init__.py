"""What followed from an event of an order, and why the rest did not: one tree, derived and never written."""
