"""The profile of a person: name, language, time zone and theme, which belong to the person and not to the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from access.principal import Principal
from foundation import formats, languages, sql
from foundation.db import commit, db
from foundation.errors import Forbidden

SQL = sql.beside(__file__)
GET_PROFILE = SQL.text("get")
CHANGE_PROFILE = SQL.text("change")

MEMBERS = ("name", "language", "time_zone", "theme")
"""What a person may change; the rest is the operators'."""


def person_of(principal: Principal) -> int | None:
    """The id of the person who has signed in; None for tokens, keys and the demo's buttons."""
    kind, _, id = (principal.via or "").partition(":")
    return int(id) if kind == "person" else None


def profile_of(principal: Principal) -> dict[str, Any] | None:
    """The profile of the person who has signed in; None if there is no person."""
    id = person_of(principal)
    row = db.session.execute(GET_PROFILE, {"id": id}).one_or_none() if id else None
    return dict(row._mapping) if row else None


def apply(principal: Principal) -> dict[str, Any] | None:
    """The profile, in whose language and time zone the current request is answered from here on."""
    profile = profile_of(principal)
    if profile:
        languages.choose(profile["language"])
        formats.choose_zone(profile["time_zone"])
    return profile


def change_profile(principal: Principal, given: Mapping[str, Any]) -> None:
    """Change these members of the person's profile; raises Forbidden if there is no person."""
    id = person_of(principal)
    if id is None:
        raise Forbidden(
            "Only a person who has signed in has a profile; this request came with a token, a key or a link."
        )
    values = {name: given.get(name) for name in MEMBERS}
    db.session.execute(CHANGE_PROFILE, values | {"id": id, "given": list(given)})
    commit()
