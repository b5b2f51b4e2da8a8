"""How bytes come in and go out: gunicorn's worker, what it reads and refuses by itself, and what it sends."""
