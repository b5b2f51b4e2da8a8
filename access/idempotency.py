"""Idempotency-Key: a request that is repeated with its key is applied once and answered the same again.

(IETF draft-ietf-httpapi-idempotency-key-header.) The response is stored by the transaction that does the work: either
both exist or neither, whatever crashes in between. A refused request has done nothing and is not stored. A status
change needs none of this: its history row is the record, for ever.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, get_type_hints

import pydantic
from flask import Response, request
from sqlalchemy.exc import IntegrityError

from access import guards
from foundation import locks, sql
from foundation.contract import Headers
from foundation.db import PIECE, db, in_pieces, unit_of_work
from foundation.errors import AppError, IdempotencyMismatch

KEPT_HOURS = 24
KEY_PATTERN = r"^[\x21-\x7e]{1,200}$"
PRUNED_ANSWERS = 100
"""Old rows deleted with each new one; more than are added, and few enough to cost little."""

SQL = sql.beside(__file__, hashed=locks.HASHED, kept_hours=KEPT_HOURS, pruned=PRUNED_ANSWERS)
FIND_ANSWER = SQL.text("find")
KEEP = SQL.text("keep")
FORGET_ANSWERS = SQL.text("forget")
FORGET_OWN = SQL.text("forget_own")
FORGET_WITHOUT_ORDERS = SQL.text("forget_without_orders")


class KeyHeaders(Headers):
    """Headers that make a request safe to repeat."""

    idempotency_key: str = pydantic.Field(
        "",
        alias="Idempotency-Key",
        pattern=KEY_PATTERN,
        description="Makes the request safe to repeat: it is applied once and answered the same each time, for "
        f"{KEPT_HOURS} hours.",
        examples=["7f3c2a9d-51e8"],
    )


class InProgress(AppError):
    """A request with this Idempotency-Key is still in progress; try again shortly."""

    code, status = "idempotency_in_progress", 409
    sentence = "A request with this Idempotency-Key is in progress."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Retry-After": "1"})


class AnswerNotKept(AppError):
    """The request was already applied with this key; its response contained a secret, or was erased."""

    code, status = "answer_not_kept", 409
    sentence = "This request was already applied, and its response is not stored: it contained a secret, or was erased."


def forget(who: str) -> int:
    """Delete the stored responses of this principal, in chunks that each commit; returns how many.

    Repeating such a request gets AnswerNotKept.
    """
    return in_pieces(FORGET_OWN, who=who)


def forget_orders(orders: Sequence[int]) -> int:
    """The same for the responses to any principal that mention one of these orders."""
    return in_pieces(FORGET_ANSWERS, orders=list(orders))


def forget_without_orders(orders: Sequence[int]) -> None:
    """The same for responses that do not name the orders they mention."""
    last: Any = (datetime.min, "", "")
    while last is not None:
        at = dict(zip(("created_at", "principal", "key"), last, strict=True))
        last = db.session.execute(FORGET_WITHOUT_ORDERS, {**at, "orders": list(orders), "piece": PIECE}).first()
        db.session.commit()


def keyed(
    view: Callable[..., Response],
    secret: bool = False,
    first: Callable[..., object] | None = None,
    personal: bool = False,
) -> Callable[..., Response]:
    """Let the view, which may write only through `foundation.db`, be repeated with a key; applied below `typed`.

    `first` is called before it with the same arguments, for work that commits by itself and changes nothing when
    repeated. The view gets its result as `done`, if it has that parameter, and the request's headers as `header`, which
    are no part of what is repeated: their model derives from KeyHeaders.
    """
    hints = get_type_hints(view)

    @functools.wraps(view)
    def once(*, header: KeyHeaders, **values: Any) -> Response:
        made = functools.partial(view, header=header) if "header" in hints else view
        if not header.idempotency_key:
            return made(**values, **_first(first, view, values))
        fingerprint = _fingerprint(values, guards.via() if personal else None)
        asked = {"principal": guards.current().who, "key": header.idempotency_key, "fingerprint": fingerprint}
        try:
            answer = _answer_again(asked)
            if answer is None and first is not None:
                db.session.rollback()  # or the first commit would release the key's lock in between
                values |= _first(first, view, values)
                answer = _answer_again(asked)
            return answer or _do(made, values, asked, secret)
        except IntegrityError:
            # Another request was faster between the read and the lock.
            db.session.rollback()
            if (answer := _answer_again(asked)) is None:
                raise
            return answer

    once.__annotations__ = {"header": KeyHeaders} | {name: hint for name, hint in hints.items() if name != "done"}
    once.problems = [error.code for error in (IdempotencyMismatch, InProgress, AnswerNotKept)]  # type: ignore[attr-defined]
    return once


def keyed_after(first: Callable[..., object]) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Like `keyed`, for a view that finishes what `first` has done in chunks."""
    return functools.partial(keyed, first=first)


def _first(
    first: Callable[..., object] | None, view: Callable[..., Response], values: dict[str, Any]
) -> dict[str, Any]:
    done = first(**values) if first else None
    return {"done": done} if "done" in get_type_hints(view) else {}


def keyed_secretly(view: Callable[..., Response]) -> Callable[..., Response]:
    """Like `keyed`, for a view whose response contains a secret: it is not repeated."""
    return keyed(view, secret=True)


def keyed_personally(view: Callable[..., Response]) -> Callable[..., Response]:
    """Like `keyed`, for a view about the person who has signed in: a colleague who sends the same asks for another
    thing."""
    return keyed(view, personal=True)


def _do(view: Callable[..., Response], values: Any, asked: dict[str, Any], secret: bool) -> Response:
    with unit_of_work() as finish:
        response = view(**values)
        body = None if secret else response.get_data(as_text=True)
        db.session.execute(KEEP, asked | {"status": response.status_code, "body": body})
        finish()
    return response


def _answer_again(asked: dict[str, Any]) -> Response | None:
    """The stored response; None if the request has to be done, and its key is locked for it."""
    locked, fingerprint, status, body = db.session.execute(FIND_ANSWER, asked).one()
    if fingerprint is None:
        if not locked:
            raise InProgress
        return None
    if fingerprint != asked["fingerprint"]:
        raise IdempotencyMismatch
    if body is None:
        raise AnswerNotKept
    return Response(body, status, content_type="application/json")


def _fingerprint(values: dict[str, Any], via: str | None) -> str:
    """Equal for requests with the same content, and of the same person if one is given."""
    asked = [
        f"{request.method} {request.url_rule}",
        *([via] if via else []),
        *(f"{name} {value.model_dump_json()}" for name, value in sorted(values.items())),
    ]
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()
