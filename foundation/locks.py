"""The numbers of all fixed advisory locks, so that no two collide.

PostgreSQL has two separate key spaces: one number of 64 bits, and two of 32. A lock with a hashed key, such as a
request's idempotency key, has the bit HASHED, which none of the fixed numbers has.
"""

PROCESSES = 9001
"""First of two numbers: a running process, by its number in the outbox."""

APPEND = 9002
"""Appending to the log of live events. Processes of two versions must agree on it, or numbers would not follow commits
while they run side by side: never change it without taking both."""

PRUNE = 9003
"""Pruning that log."""

MIGRATE = 9004
"""Migrating the database."""

INDEXES = 9005
"""Building indexes after that."""

IMPORT = 9006
"""Writing a batch of an import."""

WEBHOOKS = 9007
"""Claiming deliveries of webhooks."""

HASHED = 1 << 62
"""A bit in the keys of hashed locks: clients choose what is hashed, and could otherwise construct the key of a fixed
one."""
