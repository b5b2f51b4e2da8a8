"""Durable attempts, independent of their meaning: handlers are registered from above."""

from side_effects.tasks import execute_in_background, execute_in_parallel

__all__ = ["execute_in_background", "execute_in_parallel"]
