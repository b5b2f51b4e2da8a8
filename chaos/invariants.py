"""What has to be true at the end of every proof: one look at the database, compared with what clients and readers saw.

I1  what was acknowledged stands in the history; each order's versions are 1, 2, 3 ... up to its own
I2  nothing is pending any more
I3  each effect exists: once where that is effect_bits, and at least once elsewhere
I4  each reader heard exactly what the log holds for it, in order, and no order's version went back
I5  no connection is left in a transaction, no file is left open
I6  no answer but 200 and 503, each 503 with Retry-After
"""

from __future__ import annotations

from collections import Counter

import gevent

from chaos.load import Load
from chaos.report import Report
from chaos.world import DRAINED, World

BACK_TO_REST_SECONDS = 10
DESCRIPTORS = 24
"""Connections to PostgreSQL that are opened on demand, and those of idle clients."""

HISTORY = """WITH counted AS (
    SELECT order_id, count(*) AS events, min(version) AS first, max(version) AS last, count(DISTINCT version) AS several
    FROM order_events GROUP BY order_id)
SELECT (SELECT count(*) FROM acknowledged a WHERE NOT EXISTS (SELECT FROM order_events e WHERE e.order_id = a.id
            AND e.version = a.version AND e.to_status = a.status AND e.idempotency_key = a.key)),
    (SELECT count(*) FROM orders o LEFT JOIN counted c ON c.order_id = o.id
        WHERE (c.events, c.first, c.last, c.several) IS DISTINCT FROM (o.version, 1, o.version, o.version)),
    (SELECT count(*) FROM order_events WHERE type = 'order.status_changed') - (SELECT count(*) FROM acknowledged)"""

EFFECTS = """WITH live AS (
    SELECT (data::json -> 'event' ->> 'id')::bigint AS id, count(*) FILTER (WHERE channel LIKE 'seller:%') AS seller,
        count(*) FILTER (WHERE channel LIKE 'buyer:%') AS buyer
    FROM live_events WHERE type = 'order.status_changed' GROUP BY 1),
notices AS (
    SELECT event_id AS id, count(*) FILTER (WHERE kind = 'generic') AS generic,
        count(*) FILTER (WHERE kind = 'status') AS status
    FROM notifications GROUP BY 1),
conversation AS (SELECT event_id AS id, count(*) AS chat FROM messages GROUP BY 1),
found AS (
    SELECT unnest(ARRAY[coalesce(seller, 0), coalesce(buyer, 0),
        coalesce(generic, 0) - (actor_role NOT IN ('buyer', 'seller'))::int, coalesce(status, 0),
        coalesce(chat, 0)]) AS times
    FROM order_events LEFT JOIN live USING (id) LEFT JOIN notices USING (id) LEFT JOIN conversation USING (id)
    WHERE order_events.type = 'order.status_changed')
SELECT coalesce(sum(1 - least(times, 1)), 0), coalesce(sum(greatest(times - 1, 0)), 0) FROM found"""
"""Missing ones, and surplus ones. A side is not told of what it did itself; two generic notifications, where neither
did it, are one effect."""

AT_REST = """SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
    AND application_name LIKE 'onward %' AND state <> 'idle' AND application_name <> 'onward feed')"""


def check(world: World, load: Load, *, twice_share: float | None = 0.0) -> None:
    """Check all of them; `twice_share` of the external effects may have happened twice, None for any."""
    report = world.report
    world.catch_up()
    _check_history(world, load)
    report.check("I2 still pending", int(not world.database.sql(DRAINED)[0][0]), at_most=0)
    _check_effects(world, twice_share)
    check_readers(world)
    _check_rest(world)
    check_answers(report, load)


def check_answers(report: Report, load: Load) -> None:
    """I6, and that no client gave up."""
    others = sum(count for status, count in load.statuses.items() if status != 503)
    report.tell("answers 503", load.statuses[503])
    report.tell("connections that broke", load.broken)
    report.check("I6 answers other than 200 and 503", others, at_most=0)
    report.check("I6 answers 503 without Retry-After", load.without_retry_after, at_most=0)
    report.check("changes abandoned by a client", len(load.given_up), at_most=0)


def _check_history(world: World, load: Load) -> None:
    rows = [(one.order, one.version, one.status, one.key) for one in load.acknowledged]
    world.database.store("acknowledged", "id bigint, version int, status text, key text", rows)
    world.database.sql("CREATE INDEX ON acknowledged (id, version)")
    lost, torn, unheard = world.database.sql(HISTORY)[0]
    world.report.tell("changes acknowledged", len(rows))
    world.report.check("I1 acknowledged changes lost", lost, at_most=0)
    world.report.check("I1 orders with an incomplete history", torn, at_most=0)
    world.report.check("I1 changes made beyond those acknowledged", unheard, at_most=len(load.given_up))


def _check_effects(world: World, twice_share: float | None) -> None:
    report = world.report
    lost, twice = world.database.sql(EFFECTS)[0]
    report.check("I3 internal effects lost", int(lost), at_most=0)
    report.check("I3 internal effects done twice", int(twice), at_most=0)
    changed = {id for (id,) in world.database.sql("SELECT id FROM order_events WHERE type = 'order.status_changed'")}
    _check_external(report, "signals", changed, world.signalled(), twice_share)
    if world.by_mail:
        _check_external(report, "mails", changed, world.mails.events(), twice_share)


def _check_external(report: Report, name: str, wanted: set[int], happened: list[int], share: float | None) -> None:
    counted = Counter(happened)
    twice = sum(counted.values()) - len(counted)
    report.check(f"I3 {name} lost", len(wanted - counted.keys()), at_most=0)
    if share is None:
        report.tell(f"I3 {name} sent again", twice)
    else:
        report.check(f"I3 {name} sent again", 100 * twice / max(1, len(wanted)), "%", at_most=100 * share)


def check_readers(world: World) -> None:
    """I4."""
    if not world.readers:
        return
    log: dict[str, list[int]] = {}
    for channel, seq in world.database.sql("SELECT channel, seq FROM live_events ORDER BY seq"):
        log.setdefault(channel, []).append(seq)
    missed = again = back = 0
    for reader in world.readers:
        wanted = [seq for seq in log.get(reader.channel, []) if seq > reader.begun_at]
        heard = [one.seq for one in reader.heard]
        missed += len(set(wanted) - set(heard))
        again += len(heard) - len(set(heard)) + (heard != sorted(heard))
        versions: dict[int, int] = {}
        for one in reader.heard:
            if one.order:
                back += one.version < versions.get(one.order, 0)
                versions[one.order] = one.version
    report = world.report
    report.tell("live events received", sum(len(reader.heard) for reader in world.readers))
    report.tell("streams opened", sum(reader.connections for reader in world.readers))
    report.check("I4 live events missed", missed, at_most=0)
    report.check("I4 live events received twice or out of order", again, at_most=0)
    report.check("I4 versions that went back", back, at_most=0)
    report.check("I4 readers sent a resync", sum(reader.resyncs for reader in world.readers), at_most=0)


def _check_rest(world: World) -> None:
    for reader in world.readers:
        reader.stop()
    gevent.sleep(0.2)
    rest = world.database.seconds_until(AT_REST, BACK_TO_REST_SECONDS)
    world.report.check("I5 connections at rest after", rest, "s", at_most=BACK_TO_REST_SECONDS)
    files = world.more_descriptors()
    world.report.check("I5 more files open in a worker", files, at_most=DESCRIPTORS + len(world.readers))
