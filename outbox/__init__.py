"""The outbox: entries are written with the change, completed in batches, and rescued from dead processes."""

from outbox.insertion import insert

__all__ = ["insert"]
