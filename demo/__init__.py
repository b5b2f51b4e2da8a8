"""The demo: users, orders and generated traffic; never part of production."""
