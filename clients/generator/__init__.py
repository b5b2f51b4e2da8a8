"""Writes the part of our clients that follows from the contract: operations, models, bodies and problems."""
