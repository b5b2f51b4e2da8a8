"""Turns a request into a principal, or a 401."""
