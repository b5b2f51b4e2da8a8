"""Compresses pages, for browsers that accept it; docs/decisions/0023-compression.md says why only these, and how safe
it is."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

LEVEL = 5
"""2 ms for 100 KB; the next levels take longer for a hundredth less."""

SMALLEST, LARGEST = 1024, 4 * 1024 * 1024
"""Bytes: below it fits into one packet anyway, above it would keep the process from everything else."""


def init_app(app: Flask) -> None:
    """Compress what this application answers."""
    app.after_request(compress)


def compress(response: Response) -> Response:
    """Compress a page, unless it is small, is sent in pieces, or has chosen its own encoding."""
    if response.mimetype != "text/html" or response.is_streamed or response.status_code == 304:
        return response
    response.vary.add("Accept-Encoding")
    if "Content-Encoding" in response.headers or request.accept_encodings.quality("gzip") <= 0:
        return response
    body = response.get_data()
    if SMALLEST <= len(body) <= LARGEST:
        response.set_data(gzip.compress(body, LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response
