"""Fault injection: real processes are killed, frozen and disconnected under load, and the results are counted."""
