"""Proofs by faults: real processes are killed, frozen and cut off under load, and the results are counted."""
