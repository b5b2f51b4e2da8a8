"""Proofs by faults: real processes are killed, frozen and cut off under load, and what was promised is counted."""
