"""What follows from the contract; `make clients` writes it."""
