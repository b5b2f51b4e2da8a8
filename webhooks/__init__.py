"""Webhooks: signed deliveries of events to the systems of others, which must never lead inside."""
