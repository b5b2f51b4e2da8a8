"""Benchmarks that others can repeat: `python -m benchmarks`."""
