"""How fast it is, measured in a way that others can repeat: `python -m benchmarks`."""
