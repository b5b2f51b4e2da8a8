"""Generic and status-specific messages to people: who is told, and by which way."""
