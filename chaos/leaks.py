"""What no response may contain: tracebacks, paths, SQL, and the names of our libraries."""

from __future__ import annotations

import re

LEAK = re.compile(
    r"Traceback \(most|\bFile \"|site-packages|/usr/lib|\w\.py\b|psycopg|sqlalchemy|werkzeug|pydantic|gunicorn|gevent"
    r"|\bflask\b|\bSELECT\b.*\bFROM\b|\bINSERT INTO\b|\bUPDATE\b.*\bSET\b|DETAIL:|CONTEXT:",
    re.IGNORECASE,
)
