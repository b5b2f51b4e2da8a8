"""Find outbox entries that nobody works on any more, extend leases, and hand entries back."""

from __future__ import annotations

from collections.abc import Mapping

from foundation import clock
from foundation.connections import Row, Statement
from side_effects.liveness import (
    ALL_TIME_SECONDS,
    GRACE_SECONDS,
    LEASE_SECONDS,
    LIVING,
    LOOK_BACK_SECONDS,
    Liveness,
)

RESCUE_SECONDS = 1.0
"""How often each process looks for abandoned entries."""

STRAY_SECONDS = 8
"""Entries of our own whose lease was not renewed for this long are not in our hands: the answer to the statement that
made them was lost with its connection, or we gave them up. Renewals come after 5 s."""

CLAIM_LIMIT = 500

FULL_LOOK_SECONDS = 30.0
RECENT_PROCESSES = 100
"""As many of the processes that began last are looked after each second; the rest by the full look."""

CLAIM = Statement(
    "claim",
    ("bigint", "int", "int", "boolean", "text[]", "int[]"),
    f"""WITH RECURSIVE {LIVING},
    owners AS (
        (SELECT owner FROM outbox WHERE $3 > {LOOK_BACK_SECONDS} ORDER BY owner LIMIT 1)
        UNION ALL SELECT (SELECT b.owner FROM outbox b WHERE b.owner > o.owner ORDER BY b.owner LIMIT 1)
            FROM owners o WHERE o.owner IS NOT NULL),
    candidates AS (
        SELECT owner FROM owners WHERE owner IS NOT NULL UNION SELECT 0
        UNION SELECT generate_series(greatest(1, last_value - {RECENT_PROCESSES}), last_value) FROM process_seq),
    limits AS (
        SELECT owner, clock_timestamp() + CASE
            WHEN owner = $1 THEN interval '{LEASE_SECONDS - STRAY_SECONDS} s'
            WHEN owner > 0 AND owner NOT IN (SELECT owner FROM living)
            THEN interval '{LEASE_SECONDS - GRACE_SECONDS} s' ELSE interval '0' END AS before
        FROM candidates WHERE owner IN (0, $1) OR ($4 AND (SELECT yes FROM settled_down))),
    abandoned AS MATERIALIZED (
        SELECT found.id FROM limits l CROSS JOIN LATERAL (
            SELECT b.id FROM outbox b
            WHERE b.owner = l.owner AND b.lease_until < l.before
              AND b.lease_until > statement_timestamp() - make_interval(secs => $3)
              AND (SELECT b.pending = 0 OR b.pending & k.mask <> 0
                  FROM unnest($5, $6) AS k (event_type, mask) WHERE k.event_type = b.event_type)
            ORDER BY b.lease_until LIMIT $2) AS found),
    taken AS (
        SELECT id, owner FROM outbox WHERE id = ANY(ARRAY(SELECT id FROM abandoned))
        ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
    UPDATE outbox b SET owner = $1, lease_until = clock_timestamp() + interval '{LEASE_SECONDS} s'
    FROM taken WHERE b.id = taken.id AND b.id = ANY(ARRAY(SELECT id FROM taken))
      AND (b.lease_until < clock_timestamp() OR b.owner IN (SELECT owner FROM limits WHERE before > clock_timestamp()))
    RETURNING b.id, b.event_type, b.event_id, b.order_id, b.pending, b.request_id,
        taken.owner NOT IN (0, $1)""",
)
"""Asks each owner's end of the index (owner, lease_until) only: reading through a backlog of 10^6 entries that others
work on took a third of a second, each second. $3 bounds how far back it looks: under a long transaction of somebody
else's, dead rows pile up there. (By statement_timestamp(): no index is asked by a volatile function.) Asking the index
who the owners are reads over all of these (100 ms at 200,000): only a full look does, the others ask for the processes
that began last. $4: whether others may be taken for dead. $5, $6: the event_types that this process knows, with the
bits of
their effects; of what it knows nothing of, it takes nothing: a newer version recorded it, and has to find it free.

The last column: whether another process left it behind without a word. What was handed back has no owner."""

RENEW = Statement(
    "renew",
    ("bigint[]", "bigint"),
    f"""UPDATE outbox SET lease_until = clock_timestamp() + interval '{LEASE_SECONDS} s'
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox WHERE id = ANY($1) AND owner + 0 = $2 ORDER BY id FOR UPDATE SKIP LOCKED))
    RETURNING id""",
)
"""`owner + 0`: by the index of owners it would read all that is ours, where it shall look up ids."""

HAND_BACK = Statement(
    "hand_back",
    ("bigint[]", "bigint"),
    """UPDATE outbox SET owner = 0, lease_until = clock_timestamp()
    WHERE id = ANY(ARRAY(
        SELECT id FROM outbox WHERE id = ANY($1) AND owner + 0 = $2 ORDER BY id FOR UPDATE SKIP LOCKED))
    RETURNING id""",
)


class Rescuer:
    """One process's hand in finishing what others left."""

    def __init__(self, liveness: Liveness, known: Mapping[str, int]) -> None:
        """`known`: the bits of the effects of each event_type."""
        self.liveness = liveness
        self._known = list(known), list(known.values())
        self._looked_fully_at = -FULL_LOOK_SECONDS

    def claim(self, limit: int) -> list[Row]:
        """Take over up to `limit` abandoned entries."""
        look_back, live = LOOK_BACK_SECONDS, self.liveness
        if self._full_look_is_due():
            look_back = ALL_TIME_SECONDS
            if live.sees_clearly():
                self._looked_fully_at = clock.monotonic()
        args = (min(limit, CLAIM_LIMIT), look_back)
        return sorted(live.run(CLAIM, lambda: (live.number, *args, live.sees_clearly(), *self._known)))

    def renew(self, ids: list[int]) -> set[int]:
        """Extend our leases; returns the ids that are ours still."""
        return {row[0] for row in self.liveness.run(RENEW, lambda: (ids, self.liveness.number))} if ids else set()

    def hand_back(self, ids: list[int]) -> None:
        """Free our entries for the other processes, who find them with their next look."""
        if ids:
            self.liveness.run(HAND_BACK, lambda: (ids, self.liveness.number))

    def _full_look_is_due(self) -> bool:
        looked = self._looked_fully_at
        return looked <= self.liveness.failed_at or clock.monotonic() - looked > FULL_LOOK_SECONDS
