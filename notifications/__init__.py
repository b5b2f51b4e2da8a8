"""Generic and status-specific notifications: the inbox and e-mail."""
