"""`make run`: starts everything the service needs, keeps it running together, and stops it."""
