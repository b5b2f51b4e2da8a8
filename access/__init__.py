"""Authentication and authorisation: turns a request into a principal, or a 401."""
