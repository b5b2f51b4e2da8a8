"""Conditions in a request's headers: apply the change once, and only to the version that the client has seen."""

from __future__ import annotations

import re

from foundation.errors import InvalidRequest, PreconditionRequired

KEY = re.compile(r"[\x21-\x7e]{1,200}")
"""Valid Idempotency-Keys (IETF draft-ietf-httpapi-idempotency-key-header): printable, without spaces."""

ENTITY_TAG = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})(?:-[0-9a-f]{1,64})?(?:[-;](?:gzip|br|deflate|zstd))?"')
"""An order's version; after a read, with a digest of the representation. A compressing proxy makes it weak, or adds the
coding: only the version is compared."""

TAG_OR_ANY = rf"\*|{ENTITY_TAG.pattern}"
"""What If-Match may be."""

ANY_TAG = re.compile(r'(?:W/)?"[^"]*"')
"""The syntax of an entity tag (RFC 9110, section 8.8.3)."""


def idempotency_key(key: str) -> str:
    """The value of Idempotency-Key, empty if none was sent; raises InvalidRequest for an invalid one."""
    if key and not KEY.fullmatch(key):
        raise InvalidRequest("Idempotency-Key must be 1 to 200 printable characters without spaces.")
    return key


def version(if_match: str, required: bool = False) -> int | None:
    """The version in If-Match (RFC 9110, section 13.1.1); `*` only requires that the order exists.

    Raises PreconditionRequired (RFC 6585, section 3) if it is required and missing, InvalidRequest for a list of
    versions (a change is made to one version) or for a value that names none.
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
