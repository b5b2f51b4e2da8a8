"""The SQL that writes rows in `side_effects`, as part of another statement."""

from __future__ import annotations


def insert(
    source: str,
    *,
    kind: str,
    destination: str,
    event_type: str,
    event_id: str = "id",
    order_id: str = "order_id",
    request_id: str = "request_id",
    conflict: str = "DO NOTHING",
    **more: str,
) -> str:
    """SQL that writes a side effect for each row of `source`, which is what follows FROM.

    All arguments are SQL; `more` has columns that differ from their defaults. An event has one side effect of each kind
    and destination; `conflict` says what happens if it exists.
    """
    columns = {
        "kind": kind,
        "destination": destination,
        "event_type": event_type,
        "event_id": event_id,
        "order_id": order_id,
        "request_id": request_id,
        **more,
    }
    return f"""INSERT INTO side_effects ({", ".join(columns)})
    SELECT {", ".join(columns.values())}
    FROM {source}
    ON CONFLICT {conflict}"""
