"""What a request's headers ask of a change: to be done once, and only to the version that the client has seen."""

from __future__ import annotations

import re

from foundation.errors import InvalidRequest, PreconditionRequired

KEY = re.compile(r"[\x21-\x7e]{1,200}")
"""What an Idempotency-Key may be (IETF draft-ietf-httpapi-idempotency-key-header): printable, without spaces."""

ENTITY_TAG = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})(?:-[0-9a-f]{1,64})?(?:[-;](?:gzip|br|deflate|zstd))?"')
"""An order's version; after a read, with a mark of what was read. A proxy that compresses makes it weak, or adds the
coding: it names the same version, which is all that is compared."""

ANY_TAG = re.compile(r'(?:W/)?"[^"]*"')
"""What an entity tag may look like (RFC 9110, section 8.8.3)."""


def idempotency_key(key: str) -> str:
    """The value of Idempotency-Key, empty where none was sent; InvalidRequest if it cannot be one."""
    if key and not KEY.fullmatch(key):
        raise InvalidRequest("Idempotency-Key must be 1 to 200 printable characters without spaces.")
    return key


def version(if_match: str, required: bool = False) -> int | None:
    """The version in If-Match (RFC 9110, section 13.1.1); `*` asks only that the order exists.

    Raises PreconditionRequired (RFC 6585, section 3) when it is required and not there, InvalidRequest for a list
    of versions (a change is made to the one that was seen) or for what names none.
    """
    tag = if_match.strip()
    if "," in tag:
        raise InvalidRequest("If-Match must be a single version, or *.")
    if required and not tag:
        raise PreconditionRequired
    if tag in ("", "*"):
        return None
    if not ANY_TAG.fullmatch(tag):
        raise InvalidRequest('If-Match must be a quoted ETag of the order, such as "3", or *.')
    match = ENTITY_TAG.fullmatch(tag)
    if match is None:
        raise InvalidRequest("If-Match is not the ETag of an order: send it as received.")
    return int(match[1])
