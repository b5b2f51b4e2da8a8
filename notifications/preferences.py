"""What people have chosen about how they are notified: read, set, and asked for by attempts.

Whose it is: a buyer's, by the account that orders name, with or without a password; of a shop, the inbox is everybody's
and its choices are the shop's, while each of its people chooses for their own e-mails.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from access.principal import Principal
from access.profiles import person_of
from foundation import sql
from foundation.db import commit, db, in_pieces
from notifications import preference_models as preference_models  # its tables, for the metadata
from notifications.quiet_hours import UTC_ZONE, QuietHours
from notifications.rules import Choice, Choices, Preferences, WayName
from side_effects.effects import Run

SQL = sql.beside(__file__)
CHOSEN = SQL.text("chosen")
SET = SQL.text("set")
CHOOSE = SQL.text("choose")
PREFERENCES_OF = SQL.prepared("preferences_of")
ZONE_OF_PERSON = SQL.text("zone_of_person")
ERASE_PREFERENCES = SQL.text("erase_preferences")
EXPORT_PREFERENCES = SQL.text("export_preferences")


def owner(principal: Principal) -> str:
    """Whose e-mails and quiet hours this principal chooses."""
    person = person_of(principal)
    return principal.who if person is None or principal.role == "buyer" else f"person:{person}"


def preferences(principal: Principal) -> Preferences:
    """What this principal has chosen; the zone is that of the profile as long as no other was chosen."""
    mine, shared = _row(owner(principal)), _row(principal.who)
    choices = {kind: dict(ways) for kind, ways in mine[0].items()}
    for kind, ways in shared[0].items():
        choices[kind] = choices.get(kind, {}) | {way: one for way, one in ways.items() if way == "inbox"}
    return _preferences(choices, mine[1], mine[2], mine[3] or _profile_zone(principal))


def chosen_by(owner: str) -> Preferences:
    """What this owner has chosen."""
    choices, begin, end, zone = _row(owner)
    return _preferences(choices, begin, end, zone)


def set_preferences(principal: Principal, choices: Choices, quiet: QuietHours | None, zone: str | None) -> None:
    """Replace all of them."""
    zone = zone or _profile_zone(principal)
    times = {"quiet_from": quiet and quiet.begin, "quiet_until": quiet and quiet.end, "time_zone": zone}
    mine = owner(principal)
    if mine == principal.who:
        _set(mine, choices, times)
    else:
        _set(mine, _only(choices, "email"), times)
        _set(principal.who, _only(choices, "inbox"), dict.fromkeys(times))
    commit()


def choose(owner: str, kind: str, way: str, choice: Choice) -> None:
    """Set one choice, as the link of an e-mail does."""
    db.session.execute(CHOOSE, {"owner": owner, "kind": kind, "way": way, "choice": choice})
    commit()


def of(run: Run, owner: str) -> tuple[Preferences, datetime]:
    """What this owner has chosen, and the time by the database's clock; for attempts."""
    ((choices, begin, end, zone, now),) = run(PREFERENCES_OF, (owner,))
    return _preferences(choices or {}, begin, end, zone), now


def erase_preferences(buyer_id: int) -> int:
    """Delete this buyer's, in chunks that each commit; returns how many there were."""
    return in_pieces(ERASE_PREFERENCES, buyer=buyer_id)


def export_preferences(buyer_id: int) -> list[Any]:
    """This buyer's, and those of the accounts that act as this buyer."""
    return list(db.session.scalars(EXPORT_PREFERENCES, {"buyer": buyer_id}))


def _row(owner: str) -> tuple[Any, ...]:
    found = db.session.execute(CHOSEN, {"owner": owner}).one_or_none()
    return tuple(found) if found else ({}, None, None, None)


def _set(owner: str, choices: Choices, times: Mapping[str, Any]) -> None:
    off = any(ways.get("inbox") == "off" for ways in choices.values())
    values = {"owner": owner, "choices": orjson.dumps(choices).decode(), "inbox_off": off}
    db.session.execute(SET, values | dict(times))


def _only(choices: Choices, way: WayName) -> Choices:
    return {kind: {way: ways[way]} for kind, ways in choices.items() if way in ways}


def _profile_zone(principal: Principal) -> str | None:
    person = person_of(principal)
    return db.session.scalar(ZONE_OF_PERSON, {"id": person}) if person else None


def _preferences(choices: Choices, begin: time | None, end: time | None, zone: str | None) -> Preferences:
    quiet = QuietHours(begin, end) if begin and end else None
    return Preferences(choices, quiet, ZoneInfo(zone) if zone else UTC_ZONE)
