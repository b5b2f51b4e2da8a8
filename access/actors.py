"""Who acted: the account, and the person, API key or tracking link by which it did, as JSON and as a response.

Rows store `actor_via`, such as `person:12` or `key:5`, and no name: the history cannot be changed, so a name in it
could never be erased. Names are looked up when a row is read. A reader sees them for its own side; operators, auditors
and services see all of them (docs/access.md).
"""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from access.principal import LINK, Principal
from foundation.contract import Answer, Id, never_null

SEEING_ALL = ("operator", "auditor", "service")
"""Roles that see by whom each side acted."""


def actor_json(role: str, id: str, via: str, reader: str) -> str:
    """SQL for an actor as JSON text, as the role `reader` may see it; all four are SQL.

    `{"role":"seller","id":7}`, and one more member if it is known, and the reader's to see: `person`, `api_key`, `link`
    or `demo`.
    """
    everybody = ", ".join(f"'{one}'" for one in SEEING_ALL)
    return _whole(role, id, f"{reader} IN ({role}, {everybody})", acting_json(role, id, via))


def actor_seen_by(side: str, role: str, id: str) -> str:
    """The same for a side's live events, whose row has `acting_json` as `acting`: each side has a text, and one look-up
    is enough for both."""
    return _whole(role, id, f"{role} = '{side}'", "acting")


def _whole(role: str, id: str, seen: str, acting: str) -> str:
    return f"""('{{"role":"' || {role} || '","id":' || {id} || CASE WHEN {seen} THEN {acting} ELSE '' END || '}}')"""


def reader_of(principal: Principal) -> str:
    """The role as which somebody reads who acted; none with a tracking link, which may be in anybody's hands."""
    return "" if principal.via == LINK else principal.role


def acting_json(role: str, id: str, via: str) -> str:
    """SQL for the member that says what `via` names, behind a comma; empty if it is not known.

    A person who has left the account, or was disabled or deleted, is a former one.
    """
    subject = f"split_part({via}, ':', 2)::bigint"
    still = f"p.disabled_at IS NULL AND p.role = {role} AND p.principal_id = {id}"
    return f"""CASE split_part(coalesce({via}, ''), ':', 1)
                WHEN 'person' THEN ',"person":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, p.name, ({still}) IS NOT TRUE AS former
                    FROM (SELECT {subject} AS id OFFSET 0) AS one LEFT JOIN people p ON p.id = one.id) AS known)
                WHEN 'key' THEN ',"api_key":' || (SELECT row_to_json(known)::text FROM (
                    SELECT one.id, k.name
                    FROM (SELECT {subject} AS id OFFSET 0) AS one LEFT JOIN api_keys k ON k.id = one.id) AS known)
                WHEN 'link' THEN ',"link":' || 'true' WHEN 'demo' THEN ',"demo":' || 'true' ELSE '' END"""


class ActingPerson(Answer):
    """The person who acted for the account, signed in."""

    id: Id
    name: Annotated[str | None, pydantic.Field(description="Null once the person's account was erased.")]
    former: Annotated[bool, pydantic.Field(description="Whether the person does not act for this account any more.")]


class ActingKey(Answer):
    """The API key by which the account acted."""

    id: Id
    name: str | None


class Acting(Answer):
    """An account, and what it acted by: one of the members after `id`, or none for a plain token, for changes from
    before this was recorded, and for what only the other side may see."""

    id: int
    person: Annotated[ActingPerson | None, pydantic.Field(json_schema_extra=never_null)] = None
    api_key: Annotated[ActingKey | None, pydantic.Field(json_schema_extra=never_null)] = None
    link: Annotated[
        Literal[True] | None,
        pydantic.Field(description="It acted by a tracking link.", json_schema_extra=never_null),
    ] = None
    demo: Annotated[
        Literal[True] | None,
        pydantic.Field(description="It acted by a button of the demo.", json_schema_extra=never_null),
    ] = None
