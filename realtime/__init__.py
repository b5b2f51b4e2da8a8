"""Channels and bytes: who hears an event now, and who hears it later; it knows nothing of orders."""
