"""Idempotency-Key: a request that is repeated with its key is done once, and answered the same again.

(IETF draft-ietf-httpapi-idempotency-key-header.) The answer is kept by the transaction that does what was asked: either
both are there or neither is, whatever dies in between. A request that was refused has done nothing, and is not kept. A
status change needs none of this: its history row is the record, for ever.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, get_type_hints

import orjson
import pydantic
from flask import Response
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from access import guards
from foundation.contract import Headers
from foundation.db import db, unit_of_work
from foundation.errors import AppError, IdempotencyMismatch

KEPT_HOURS = 24
KEY_PATTERN = r"^[\x21-\x7e]{1,200}$"
PRUNED = 100
"""Old rows that go with each new one; more than come, and few enough to be no burden."""

FIND = text(
    """SELECT pg_try_advisory_xact_lock(hashtextextended(:principal || ' ' || :key, 0)), k.fingerprint, k.status, k.body
    FROM (SELECT 1) AS one LEFT JOIN idempotency_keys k ON k.principal = :principal AND k.key = :key"""
)
KEEP = text(
    f"""WITH old AS (DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_keys WHERE created_at < clock_timestamp() - interval '{KEPT_HOURS} h'
        ORDER BY created_at LIMIT {PRUNED} FOR UPDATE SKIP LOCKED)))
    INSERT INTO idempotency_keys (principal, key, fingerprint, status, body)
    VALUES (:principal, :key, :fingerprint, :status, :body)"""
)


class KeyHeaders(Headers):
    """What makes a request safe to repeat."""

    idempotency_key: str = pydantic.Field(
        "",
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="Makes it safe to send the request again: it is done once, and answered the same each time, for "
        f"{KEPT_HOURS} hours.",
        examples=["7f3c2a9d-51e8"],
    )


class InProgress(AppError):
    """A request with this Idempotency-Key is being answered right now; ask again in a moment."""

    code, status = "idempotency_in_progress", 409
    sentence = "A request with this Idempotency-Key is under way."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Retry-After": "1"})


class AnswerNotKept(AppError):
    """The request was done before with this key; its answer held a secret, which is told once, or was erased."""

    code, status = "answer_not_kept", 409
    sentence = "This was done before, and its answer is not kept: it held a secret, or was erased."


def forget(who: str, **members: Sequence[int]) -> int:
    """Keep no longer what this principal was answered, nor answers in which one of these members has such a value,
    however deep it stands.

    Committed with what the caller erases next; who repeats the request is told that it was done.
    """
    named = {name: orjson.dumps({"ours": list(values)}).decode() for name, values in members.items()}
    ours = " OR ".join(
        f"jsonb_path_exists(CAST(body AS jsonb), '$.**.{name} ? (@ == $ours[*])', CAST(:{name} AS jsonb))"
        for name in named
    )
    sql = f"UPDATE idempotency_keys SET body = NULL WHERE body IS NOT NULL AND (principal = :who OR {ours})"
    count: int = db.session.execute(text(sql), {"who": who, **named}).rowcount  # type: ignore[attr-defined]
    return count


def keyed(view: Callable[..., Response], secret: bool = False) -> Callable[..., Response]:
    """Let the view, which may only write by `foundation.db`, be repeated with a key; stands below `typed`."""

    @functools.wraps(view)
    def once(*, header: KeyHeaders, **values: Any) -> Response:
        if not header.idempotency_key:
            return view(**values)
        asked = {
            "principal": guards.current().who,
            "key": header.idempotency_key,
            "fingerprint": _fingerprint(view, values),
        }
        try:
            return _answer_again(asked) or _do(view, values, asked, secret)
        except IntegrityError:
            # Somebody was quicker between the look and the lock.
            db.session.rollback()
            if (answer := _answer_again(asked)) is None:
                raise
            return answer

    once.__annotations__ = get_type_hints(view) | {"header": KeyHeaders}
    once.problems = [error.code for error in (IdempotencyMismatch, InProgress, AnswerNotKept)]  # type: ignore[attr-defined]
    return once


def keyed_secretly(view: Callable[..., Response]) -> Callable[..., Response]:
    """As `keyed`, for a view whose answer holds a secret: the second time, it is not told."""
    return keyed(view, secret=True)


def _do(view: Callable[..., Response], values: Any, asked: dict[str, Any], secret: bool) -> Response:
    with unit_of_work() as finish:
        response = view(**values)
        body = None if secret else response.get_data(as_text=True)
        db.session.execute(KEEP, asked | {"status": response.status_code, "body": body})
        finish()
    return response


def _answer_again(asked: dict[str, Any]) -> Response | None:
    """The answer that is kept; None when the request has to be done, and its key is held for it."""
    locked, fingerprint, status, body = db.session.execute(FIND, asked).one()
    if fingerprint is None:
        if not locked:
            raise InProgress
        return None
    if fingerprint != asked["fingerprint"]:
        raise IdempotencyMismatch
    if body is None:
        raise AnswerNotKept
    return Response(body, status, content_type="application/json")


def _fingerprint(view: Callable[..., Response], values: dict[str, Any]) -> str:
    """Equal for requests that ask for the same."""
    asked = [view.__name__, *(f"{name} {value.model_dump_json()}" for name, value in sorted(values.items()))]
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()
