"""Something to look at for a newcomer: people, orders, and a market that keeps moving; never part of production."""
