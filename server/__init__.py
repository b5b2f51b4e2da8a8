"""HTTP and gunicorn: the worker, what it reads and refuses by itself, and what it sends."""
