"""Composes what a batch appends to the log of live events, from the events that its effects declare.

Either one pack for each change (realtime/packs.py): all its events, with each piece of text that several of them have
in common stored once. Or, while processes of the release before are running, one row for each event. Both have the
same events in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

from side_effects.effects import AnnouncedEvent, EventType, WrittenEffect

NO_FRAMES = """SELECT 0::bigint AS sort, 0 AS position, '' AS channel, '' AS type, '' AS data, 0::bigint AS order_id
    WHERE false"""
NO_PACKS = """SELECT 0::bigint AS sort, '' AS channel, '' AS other, '' AS recipe, '' AS pieces, 0 AS events,
    0::bigint AS event_id WHERE false"""

SIDES = 2
"""A pack has at most two channels: each has an index."""


def frames(event_types: Sequence[EventType], written: Sequence[WrittenEffect], careful: bool) -> str:
    """The CTE `frames`: a row for each live event of these effects."""
    selects = [
        f"""SELECT id AS sort, {position} AS position, {live.channel} AS channel, {live.type} AS type,
           {" || ".join(f"({piece})" for piece in live.pieces)} AS data, order_id
    FROM {event_type.rows} WHERE {_condition(live, careful)}"""
        for event_type in event_types
        for position, live in enumerate(_live(event_type, written))
    ]
    return f"frames AS ({_union(selects, NO_FRAMES)})"


def packs(event_types: Sequence[EventType], written: Sequence[WrittenEffect], careful: bool) -> str:
    """The CTE `packs`: a row for each change, with the live events of these effects."""
    selects = [_pack(event_type, live, careful) for event_type in event_types if (live := _live(event_type, written))]
    return f"packs AS ({_union(selects, NO_PACKS)})"


def _live(event_type: EventType, written: Sequence[WrittenEffect]) -> list[AnnouncedEvent]:
    return [live for effect in written if effect in event_type.effects for live in effect.live]


def _condition(live: AnnouncedEvent, careful: bool) -> str:
    """When the row that it is about may have been there before, it is an event only if it was inserted now."""
    inserted = f" AND {live.row} IN (SELECT id FROM {live.inserted})" if careful and live.inserted else ""
    return f"{live.condition}{inserted}"


def _pack(event_type: EventType, live: Sequence[AnnouncedEvent], careful: bool) -> str:
    sides = list(dict.fromkeys(one.channel for one in live))
    if len(sides) > SIDES:
        raise ValueError(f"The live events of {event_type.name} have more than {SIDES} channels: {', '.join(sides)}")
    pieces = list(dict.fromkeys(piece for one in live for piece in one.pieces))
    conditions = ", ".join(f"{_condition(one, careful)} AS live_{number}" for number, one in enumerate(live))
    recipe = ",\n               ".join(
        f"CASE WHEN live_{number} THEN {one.type} || ' {sides.index(one.channel)} "
        f"{'.'.join(str(pieces.index(piece)) for piece in one.pieces)}' END"
        for number, one in enumerate(live)
    )
    texts = "\n               || chr(30) || ".join(_piece(piece, live) for piece in pieces)
    return f"""SELECT id AS sort, {sides[0]} AS channel, {sides[1] if sides[1:] else "NULL::text"} AS other,
           concat_ws(';', {recipe}) AS recipe,
           {texts} AS pieces,
           {" + ".join(f"live_{number}::int" for number in range(len(live)))} AS events,
           {"id" if event_type.table else event_type.pack_id or "NULL::bigint"} AS event_id
    FROM (SELECT *, {conditions} FROM {event_type.rows} OFFSET 0) AS c
    WHERE {" OR ".join(f"live_{number}" for number in range(len(live)))}"""


def _piece(piece: str, live: Sequence[AnnouncedEvent]) -> str:
    """Its text, or nothing if no event of this change needs it. One that is NULL fails the statement."""
    needed = " OR ".join(f"live_{number}" for number, one in enumerate(live) if piece in one.pieces)
    return f"CASE WHEN {needed} THEN {piece} ELSE '' END"


def _union(selects: Sequence[str], nothing: str) -> str:
    return "\n  UNION ALL ".join(selects) or nothing
