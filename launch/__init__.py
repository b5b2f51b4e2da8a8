"""Bring up everything `make run` needs, keep it together, and take it down again."""
