"""Links between the pages of a list (RFC 8288), beside the cursor in the body."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Response, request


def link_next(response: Response, cursor: str | int | None, parameter: str = "cursor") -> Response:
    """Add `Link: <…>; rel="next"`, if there is a next page: this request with another cursor."""
    if cursor is not None:
        query = urlencode({**request.args.to_dict(), parameter: cursor})
        response.headers["Link"] = f'<{request.path}?{query}>; rel="next"'
    return response
