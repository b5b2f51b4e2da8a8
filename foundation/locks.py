"""The numbers of all fixed advisory locks, so that no two meet.

PostgreSQL keeps two spaces: of one number with 64 bits, and of two with 32. What is locked by a hash, such as a
request's key, sets HASHED, which none of the fixed numbers has.
"""

PROCESSES = 9001
"""First of two numbers: a running process, by its number in the outbox."""

APPEND = 9002
"""Appending to the log of live events. Processes of two versions have to agree on it, or numbers would not follow
commits while they run side by side: never to be changed without taking both."""

PRUNE = 9003
"""Pruning that log."""

MIGRATE = 9004
"""Migrating the database."""

HASHED = 1 << 62
"""A bit of the locks that a hash names: strangers choose what is hashed, and could invert it to name a fixed one."""
