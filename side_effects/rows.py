"""The statements of durable side effects: claim, record, rescue; each is one step that a crash cannot split."""

from __future__ import annotations

from foundation.connections import Statement
from side_effects.circuit import PROBES
from side_effects.liveness import GRACE_SECONDS, LEASE_SECONDS, LIVING
from side_effects.retry import MAX_CRASHES

ONE_MILLISECONDS = 400
"""For one effect."""


def limits(milliseconds: int) -> str:
    """SQL for the rest of a transaction that may take so long, and wait for a lock for a quarter of a second.

    To stand behind the log's lock: all processes wait for who holds that, so nobody may hold it for long. What takes
    longer is tried again in a smaller batch, which may take less.
    """
    return f"set_config('lock_timeout', '250ms', true), set_config('statement_timeout', '{milliseconds}ms', true)"


UNKNOWN_DAYS = 7
"""How long a row that no running process can do is kept for one that can: as long as a release may take to be rolled
out, or to be taken back and mended."""

LEASE = f"clock_timestamp() + interval '{LEASE_SECONDS} s'"
CLAIMED = "s.id, s.kind, s.destination, s.event_type, s.event_id, s.order_id, s.attempts, s.request_id"

_NOTHING_EARLIER = """(SELECT e.id FROM side_effects e
    WHERE e.order_id = s.order_id AND e.kind = s.kind AND e.destination = s.destination AND e.event_id < s.event_id
      AND e.status IN ('pending', 'running') LIMIT 1) IS NULL"""
"""Effects of a kind happen in the order of their events, for each order and destination.

Not as NOT EXISTS: planned while the table was empty, that became a join which read the whole index for each row, and
claims took longer the more rows waited, until the statistics were renewed."""

_NOT_SET_FOR_LATER = "(s.attempts > 0 OR s.scheduled_at <= clock_timestamp())"
"""What was tried may be tried again early, when its destination is back; what was set for a moment waits for it."""

_IS = "s.status || '' ="
"""For rows that are named by their ids. Asked for the plain status, PostgreSQL may take an index of all that is pending
or running from end to end, with the dead rows of somebody's long snapshot in it: 6 ms at 100,000 for each statement."""

_BEGIN = f"""UPDATE side_effects s
    SET status = 'running', attempts = s.attempts + 1, owner = $3, claimed_until = {LEASE}
    WHERE s.id = ANY(ARRAY(SELECT id FROM due)) RETURNING {CLAIMED}, s.scheduled_at"""
"""Counted at the claim, not at the end: an attempt that kills its process has been spent. By an array of ids, here and
below: joined, with the statistics of a small table, it reads the whole of one that has grown."""

CLAIM = Statement(
    "claim_effects",
    ("text", "int", "bigint", "timestamptz", "text[]"),
    f"""WITH due AS MATERIALIZED (
        SELECT s.id FROM side_effects s
        WHERE s.status = 'pending' AND s.kind = $1 AND s.scheduled_at <= statement_timestamp() AND s.scheduled_at >= $4
          AND ($5 IS NULL OR s.destination = ANY($5))
          AND NOT EXISTS (SELECT FROM circuits c
              WHERE c.destination = s.destination AND (c.paused OR c.state <> 'closed'))
          AND {_NOTHING_EARLIER}
        ORDER BY s.scheduled_at, s.id LIMIT $2 FOR UPDATE OF s SKIP LOCKED)
    {_BEGIN}""",
)
"""$4 is the floor: under a long transaction of somebody else's, dead rows pile up at the left end of the index, and
reading over 200,000 of them took 17 ms at every claim. No index is asked by a volatile function: by clock_timestamp(),
each look read all timers that wait for their week. $5: whom this process can call, NULL for whoever is named; what
another version recorded is left to it."""

DUE_KINDS = Statement(
    "due_kinds",
    ("text[]", "timestamptz[]"),
    """SELECT k.kind, clock_timestamp() FROM unnest($1, $2) AS k (kind, floor) WHERE (
        SELECT s.id FROM side_effects s WHERE s.status = 'pending' AND s.kind = k.kind
        AND s.scheduled_at <= statement_timestamp() AND s.scheduled_at >= k.floor
        ORDER BY s.scheduled_at LIMIT 1) IS NOT NULL""",
)
"""Which kinds have something due, at which moment: one question instead of a claim for each kind, which is nearly
always in vain."""

CLAIM_OF_SUBJECT = Statement(
    "claim_of_subject",
    ("text", "bigint", "bigint", "text[]"),
    f"""WITH due AS MATERIALIZED (
        SELECT s.id FROM side_effects s
        WHERE s.event_type = $1 AND s.event_id = $2 AND s.kind = ANY($4) AND s.status = 'pending' AND s.attempts = 0
        FOR UPDATE OF s SKIP LOCKED)
    {_BEGIN}""",
)
"""The first attempts of sequential mode, before the answer."""

_WAITING = f"""SELECT s.id, s.event_id, s.attempts, s.last_error, s.scheduled_at FROM side_effects s
    WHERE s.destination = $1 AND s.kind = $2 AND s.status = 'pending' AND {_NOT_SET_FOR_LATER} AND {_NOTHING_EARLIER}"""

_SOME_SUBJECT = """(SELECT lowest + (random() * (highest - lowest))::bigint FROM (SELECT
    (SELECT event_id FROM side_effects WHERE destination = $1 AND status = 'pending' ORDER BY event_id LIMIT 1),
    (SELECT event_id FROM side_effects WHERE destination = $1 AND status = 'pending'
        ORDER BY event_id DESC LIMIT 1)) AS ends (lowest, highest))"""

PROBE = Statement(
    "probe_effect",
    ("text", "text", "bigint"),
    f"""WITH waiting AS MATERIALIZED (
        ({_WAITING} ORDER BY s.event_id DESC LIMIT 32)
        UNION ({_WAITING} ORDER BY s.event_id LIMIT 32)
        UNION ({_WAITING} AND s.event_id >= {_SOME_SUBJECT} ORDER BY s.event_id LIMIT 32)),
    likely AS MATERIALIZED (SELECT ARRAY(
        SELECT id FROM waiting
        ORDER BY attempts, last_error <> '', scheduled_at > clock_timestamp(),
            CASE WHEN last_error <> '' THEN scheduled_at END, event_id DESC
        LIMIT {PROBES}) AS ids),
    candidate AS MATERIALIZED (
        SELECT s.id FROM side_effects s WHERE {_IS} 'pending' AND s.id = ANY((SELECT ids FROM likely)::bigint[])
        ORDER BY array_position((SELECT ids FROM likely), s.id) LIMIT 1 FOR UPDATE OF s SKIP LOCKED),
    allowed AS (
        UPDATE circuits SET probes = probes - 1
        WHERE destination = $1 AND state = 'half-open' AND probes > 0 AND NOT paused AND EXISTS (SELECT FROM candidate)
        RETURNING destination),
    due AS (SELECT id FROM candidate, allowed)
    {_BEGIN}""",
)
"""One trial call to a half-open destination: what is most likely to go. The oldest are those that have failed so often,
so those with the fewest attempts come first, before them all what no attempt has failed at, the newest of these; after
them the one whose failure is the longest ago. They are looked for at both ends of what waits and somewhere between.

Due or not: a row that failed five times would else wait half an hour for a destination that is back."""

SUPERSEDE = Statement(
    "supersede_effects",
    ("text",),
    """UPDATE side_effects s SET status = 'discarded', finished_at = clock_timestamp(),
        last_error = 'superseded by event ' || (SELECT max(n.event_id) FROM side_effects n WHERE n.order_id = s.order_id
            AND n.kind = s.kind AND n.destination = s.destination AND n.status IN ('pending', 'running'))
    WHERE s.kind = $1 AND s.status = 'pending' AND s.scheduled_at <= statement_timestamp() AND EXISTS (
        SELECT FROM side_effects n WHERE n.order_id = s.order_id AND n.kind = s.kind AND n.destination = s.destination
        AND n.event_id > s.event_id AND n.status IN ('pending', 'running'))
    RETURNING id""",
)

RECORD = Statement(
    "settle_effects",
    ("bigint[]", "int[]", "int[]", "text[]", "float8[]", "text[]", "text[]"),
    f"""UPDATE side_effects s SET attempts = n.spent, status = n.status, owner = 0, claimed_until = NULL,
        last_error = n.error, fingerprint = n.fingerprint,
        scheduled_at = clock_timestamp() + make_interval(secs => n.delay),
        finished_at = CASE WHEN n.status = 'pending' THEN NULL ELSE clock_timestamp() END
    FROM unnest($1, $2, $3, $4, $5, $6, $7) AS n (id, attempt, spent, status, delay, error, fingerprint)
    WHERE s.id = ANY($1) AND s.id = n.id AND s.attempts = n.attempt AND {_IS} 'running' RETURNING s.id""",
)
"""Fenced by the attempt: who lost the lease meanwhile changes nothing, whatever it brings."""

HAND_BACK = Statement(
    "hand_back_effects",
    ("bigint", "bigint[]"),
    f"""UPDATE side_effects SET status = 'pending', attempts = attempts - 1, owner = 0, claimed_until = NULL,
        scheduled_at = clock_timestamp()
    WHERE id = ANY(ARRAY(SELECT id FROM side_effects s WHERE claimed_until > '-infinity' AND owner = $1
            AND id <> ALL($2) AND {_IS} 'running' ORDER BY id + 0 FOR UPDATE SKIP LOCKED)) RETURNING id""",
)
"""Frees what a process claimed and has not in hand: attempts that could not be made, and claims whose answer was lost
with the connection. No attempt is spent. `id + 0`: sorted by the primary key, it would read the whole of it."""

RENEW = Statement(
    "renew_effects",
    ("bigint[]", "bigint"),
    f"""UPDATE side_effects SET claimed_until = {LEASE}
    WHERE id = ANY(ARRAY(SELECT id FROM side_effects s WHERE id = ANY($1) AND owner = $2 AND {_IS} 'running'
        ORDER BY id FOR UPDATE SKIP LOCKED)) RETURNING id""",
)

RESCUE = Statement(
    "rescue_effects",
    ("float8",),
    f"""WITH {LIVING}, lost AS MATERIALIZED (
        SELECT id FROM side_effects WHERE (SELECT yes FROM settled_down)
            AND claimed_until > statement_timestamp() - make_interval(secs => $1)
            AND claimed_until < statement_timestamp() + interval '{LEASE_SECONDS - GRACE_SECONDS} s'
            AND (claimed_until < clock_timestamp() OR owner NOT IN (SELECT owner FROM living))
        ORDER BY id + 0 LIMIT 500 FOR UPDATE SKIP LOCKED)
    UPDATE side_effects s SET crashes = crashes + 1, owner = 0, claimed_until = NULL, scheduled_at = clock_timestamp(),
        status = CASE WHEN crashes + 1 >= {MAX_CRASHES} THEN 'dead' ELSE 'pending' END,
        finished_at = CASE WHEN crashes + 1 >= {MAX_CRASHES} THEN clock_timestamp() END,
        last_error = 'The process ended during the attempt.', fingerprint = 'The process ended during the attempt.'
    WHERE s.id = ANY(ARRAY(SELECT id FROM lost)) RETURNING s.id, s.kind, s.status, s.crashes""",
)
"""$1 bounds how far back it looks, as in the look: behind 190,000 dead rows, every look took 54 ms. Only what is
running has a `claimed_until`; why it is not asked for the status, `_IS` says."""

DEFER = Statement(
    "defer_effect",
    ("bigint[]", "int", "text", "text[]", "text[]", "text[]", "float8", "int", "int"),
    """WITH taken AS (
        UPDATE outbox SET pending = pending & ~$2
        WHERE id = ANY(ARRAY(SELECT id FROM outbox WHERE id = ANY($1) AND pending & $2 <> 0 ORDER BY id FOR UPDATE))
        RETURNING event_type, event_id, order_id, request_id)
    INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, request_id, attempts, crashes,
        scheduled_at,
        last_error, fingerprint)
    SELECT $3, f.destination, t.event_type, t.event_id, t.order_id, t.request_id, $8, $9,
        clock_timestamp() + make_interval(secs => $7), f.error, f.fingerprint
    FROM taken t, unnest($4, $5, $6) AS f (destination, error, fingerprint)
    ON CONFLICT DO NOTHING RETURNING id""",
    before=f"SELECT {limits(ONE_MILLISECONDS)}; ",
)
"""What failed at its first try leaves the outbox and becomes rows of its own, one for each destination."""

PACE = Statement(
    "pace_effects",
    ("text", "float8"),
    f"""UPDATE side_effects s SET scheduled_at = clock_timestamp() + make_interval(secs => o.place / $2)
    FROM (SELECT id, row_number() OVER (ORDER BY event_id, id) AS place FROM side_effects s
        WHERE destination = $1 AND status = 'pending' AND {_NOT_SET_FOR_LATER} ORDER BY event_id, id LIMIT 20000) AS o
    WHERE s.id = o.id AND s.status = 'pending' RETURNING s.id""",
)

ABANDON = Statement(
    "abandon_effects",
    ("text", "text[]"),
    f"""UPDATE side_effects s SET status = 'dead', finished_at = clock_timestamp(),
        last_error = 'no receiver is called ' || s.destination || ' any more',
        fingerprint = 'no receiver is called so any more'
    WHERE s.id = ANY(ARRAY(SELECT s.id FROM side_effects s WHERE s.status = 'pending' AND s.kind = $1
        AND s.scheduled_at < statement_timestamp() - interval '{UNKNOWN_DAYS} days' AND s.destination <> ALL($2)
        AND NOT EXISTS (SELECT FROM circuits c
            WHERE c.destination = s.destination AND (c.paused OR c.state <> 'closed'))
        ORDER BY s.scheduled_at LIMIT 500 FOR UPDATE OF s SKIP LOCKED)) RETURNING s.id, s.destination""",
)
"""$2: whom this process can call. Whoever can call the others has had time enough."""

PRUNE = Statement(
    "prune_effects",
    ("int",),
    """DELETE FROM side_effects WHERE id = ANY(ARRAY(
        SELECT id FROM side_effects WHERE status IN ('succeeded', 'discarded')
        AND finished_at < statement_timestamp() - make_interval(hours => $1) ORDER BY finished_at LIMIT 2000))
    RETURNING id""",
)
