"""Fills every table of a database as years would, with small rows, and one shop that is larger than all others.

In full that are 10^6 rows each, 10^7 of the three that grow fastest (live events: nine in ten are packed), and 9 GB.
"""

from __future__ import annotations

from contextlib import closing

from chaos.database import Database

SHOP, BUYER = 1, 1
"""The seller of every second order and of every second live event; a buyer of a few orders among very many."""

BUYERS_SHARE = 50
"""Orders of one buyer."""

FILLS = {
    "orders": """INSERT INTO orders (number, status, open, seller_id, buyer_id, buyer_name, buyer_email, items,
            total_minor, currency, created_at, updated_at)
        SELECT 'G-' || n, CASE WHEN mod(n, 5) < 2 THEN (ARRAY['PENDING', 'CONFIRMED', 'PREPARING'])[mod(n / 5, 3) + 1]
                ELSE 'COMPLETED' END,
            mod(n, 5) < 2, CASE WHEN mod(n, 2) = 0 THEN 1 ELSE mod(n, 997) + 2 END, mod(n, {n} / 50) + 1,
            'Buyer' || mod(n, 1009), 'b@example.org',
            '[{{"sku":"MUG","title":"Mug","quantity":1,"unit_price_minor":100}}]',
            100, 'EUR', clock_timestamp() - n * interval '1 s', clock_timestamp() - n * interval '1 s'
        FROM generate_series(1, {n}) AS n""",
    "order_search": """INSERT INTO order_search SELECT id, search_document(number, buyer_name), true FROM orders
        ON CONFLICT (order_id) DO UPDATE SET folded = true""",
    "order_events": """INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, seller_id,
            buyer_id, idempotency_key, request_id, effect_bits, at)
        SELECT id, 1, 'order.created', 'PENDING', 'service', 1, seller_id, buyer_id, 'g-' || id, '', 0, created_at
        FROM orders WHERE number LIKE 'G-%'""",
    "order_reasons": "INSERT INTO order_reasons SELECT id, 'a reason' FROM order_events ON CONFLICT DO NOTHING",
    "order_edits": """INSERT INTO order_edits SELECT id, '{{"note":null}}', '{{"note":"a note"}}' FROM order_events
        ON CONFLICT DO NOTHING""",
    "order_imports": "INSERT INTO order_imports SELECT id, 'other-' || id FROM orders ON CONFLICT DO NOTHING",
    "bulk_changes": """INSERT INTO bulk_changes (owner, actor_role, actor_id, filters, to_status, total, changed,
            request_id, finished_at)
        SELECT CASE WHEN mod(n, 2) = 0 THEN 'seller:1' ELSE 'seller:' || n END, 'seller', 1, '{{"status":"PENDING"}}',
            'CONFIRMED', 100, 100, '', clock_timestamp() FROM generate_series(1, {n}) AS n""",
    "bulk_change_orders": """INSERT INTO bulk_change_orders (bulk_change_id, order_id, result, code, detail)
        SELECT n / 100 + 1, n, 'skipped', 'invalid_transition', 'refused' FROM generate_series(1, {n}) AS n""",
    "saved_views": """INSERT INTO saved_views (owner, name, filters)
        SELECT 'seller:' || n, 'open', '{{"status":"PENDING"}}' FROM generate_series(1, {n}) AS n""",
    "preferences": """INSERT INTO preferences (owner, choices)
        SELECT 'buyer:' || n, '{{"SHIPPED":{{"email":"off"}}}}' FROM generate_series(1, {n}) AS n
        ON CONFLICT DO NOTHING""",
    "digests": """INSERT INTO digests (owner, due_at, closed_at)
        SELECT 'buyer:' || n, clock_timestamp() - interval '1 d', clock_timestamp()
        FROM generate_series(1, {n}) AS n""",
    "digest_entries": """INSERT INTO digest_entries (owner, event_type, event_id, digest_id, order_id)
        SELECT 'buyer:' || n, 'order', -n, n, n FROM generate_series(1, {n}) AS n""",
    "messages": """INSERT INTO messages (order_id, kind, seller_id, buyer_id, author_role, author_id, body)
        SELECT CASE WHEN mod(n, 100) = 0 THEN {order} ELSE n END, 'person', 1, 1, 'buyer', 1, repeat('said ', 20)
        FROM generate_series(1, {n}) AS n""",
    "internal_notes": """INSERT INTO internal_notes (id, order_id, seller_id, author_role, author_id, body)
        SELECT nextval('messages_id_seq'), CASE WHEN mod(n, 100) = 0 THEN {order} ELSE n END, 1, 'seller', 1,
            repeat('noted ', 20) FROM generate_series(1, {n}) AS n""",
    "message_marks": """INSERT INTO message_marks (order_id, reader_role, reader_id, reader_via, id, seller_id,
            buyer_id, at)
        SELECT n, 'seller', 1, '', nextval('message_marks_seq'), 1, 1, clock_timestamp()
        FROM generate_series(1, {n}) AS n""",
    "notifications": """INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body,
            created_at, read_at)
        SELECT -n, n, 'generic', CASE WHEN mod(n, 4) = 0 THEN 'buyer' ELSE 'seller' END,
            CASE WHEN mod(n, 3) = 0 THEN mod(n, 997) + 2 ELSE 1 END, 'Order', '', clock_timestamp(),
            CASE WHEN mod(n, 5) = 0 THEN clock_timestamp() END
        FROM generate_series(1, {n}) AS n""",
    "realtime_events": """INSERT INTO realtime_events (seq, channel, type, data, order_id)
        SELECT nextval('realtime_seq'), 'seller:' || CASE WHEN mod(n, 2) = 0 THEN 1 ELSE mod(n, 997) + 2 END,
            'order.status_changed', '{{"order":{{"id":' || mod(n, {n}) || '}}}}',
            CASE WHEN mod(n, 10) > 0 THEN mod(n, {n}) END
        FROM generate_series(1, {n}) AS n""",
    # Nine events in a row, as a change has with everything that follows from it.
    "realtime_packs": """INSERT INTO realtime_packs (seq, channel, other, recipe, pieces, event_id)
        SELECT (SELECT max(nextval('realtime_seq')) FROM generate_series(n, n + 8)),
            'seller:' || CASE WHEN mod(n, 2) = 0 THEN 1 ELSE mod(n, 997) + 2 END, 'buyer:' || mod(n, 997) + 1,
            repeat('order.status_changed 0 0;order.status_changed 1 0;', 4) || 'order.status_changed 0 0',
            '{{"order":{{"id":' || mod(n, {n}) || '}}}}', n
        FROM generate_series(1, {n}) AS n""",
    "stream_readers": """INSERT INTO stream_readers (stream, channel, process, who, received_from, received_through,
            reason, opened_at, ended_at)
        SELECT n, 'seller:' || CASE WHEN mod(n, 2) = 0 THEN 1 ELSE mod(n, 997) + 2 END, 1, 'seller 1', n, n + 100,
            'gone', clock_timestamp() - n * interval '0.1 s', clock_timestamp() FROM generate_series(1, {n}) AS n""",
    "outbox": """INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
        SELECT 'order', -n, -n, 63, '', 999999, clock_timestamp() + interval '1 h' FROM generate_series(1, {n}) AS n""",
    "side_effects": """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, attempts,
            scheduled_at, last_error, fingerprint, finished_at)
        SELECT 'email.status', 'mail-server', 'order', -n, -n,
            (ARRAY['pending', 'dead', 'discarded', 'succeeded', 'succeeded', 'succeeded'])[mod(n, 6) + 1], 1,
            clock_timestamp() + interval '7 d', 'refused', 'refused', CASE WHEN mod(n, 6) > 0 THEN clock_timestamp() END
        FROM generate_series(1, {many}) AS n""",
    "webhook_endpoints": """INSERT INTO webhook_endpoints (seller_id, url, event_types, thin, headers, secret, disabled)
        SELECT n, 'https://shop.example.org/', '{{order.updated}}', false, '', '', false
        FROM generate_series(1, {n}) AS n""",
    "webhook_attempts": """INSERT INTO webhook_attempts (endpoint_id, event_type, event_id, order_id, type, attempt,
            succeeded, status, error, headers, body, seconds)
        SELECT 1, 'order', n, n, 'order.updated', 1, mod(n, 1000) > 0, 200, '', '{{}}', 'taken', 0.01
        FROM generate_series(1, {n}) AS n""",
    "webhook_hours": """INSERT INTO webhook_hours (endpoint_id, hour, succeeded)
        SELECT n, date_trunc('hour', clock_timestamp()), 1 FROM generate_series(1, {n}) AS n""",
    "sent_letters": """INSERT INTO sent_letters (kind, event_id, person_id)
        SELECT 'email.new_order', -n, 1 FROM generate_series(1, {n}) AS n""",
    "alerts": """INSERT INTO alerts (key, kind, shown)
        SELECT 'circuit ' || n, 'circuit', '{{"reason":""}}' FROM generate_series(1, {n}) AS n""",
    "circuits": """INSERT INTO circuits (destination) SELECT 'shop-' || n FROM generate_series(1, 100) AS n""",
    "circuit_changes": """INSERT INTO circuit_changes (destination, state, reason)
        SELECT 'shop-' || mod(n, 100), 'open', '' FROM generate_series(1, {n}) AS n""",
    "operator_actions": """INSERT INTO operator_actions (actor, action, target, reason, count)
        SELECT 'operator 1', 'discard', '', '', 1 FROM generate_series(1, {n}) AS n""",
    "operator_jobs": """INSERT INTO operator_jobs (actor, action, selection, target, reason, per_second, state,
            matching, last_id, finished_at)
        SELECT 'operator 1', 'discard', '{{}}', '', '', 1, 'finished', 1, 0, clock_timestamp()
        FROM generate_series(1, {n}) AS n""",
    # A day of a minute's sixty numbers, or whatever the table has room for.
    "metric_minutes": """INSERT INTO metric_minutes (minute, name, label, value)
        SELECT date_trunc('minute', clock_timestamp()) - n / 60 * interval '1 min',
            (ARRAY['attempts', 'effect_seconds', 'waiting', 'processes'])[mod(n, 4) + 1],
            'email.status ' || mod(n, 60) || '.0', 1 FROM generate_series(1, {n}) AS n""",
    "revocations": """INSERT INTO revocations (subject, actor, reason, at)
        SELECT CASE WHEN mod(n, 2) = 0 THEN 'order:' ELSE 'session:' END || n, 'buyer 1', '',
            clock_timestamp() - n * interval '0.05 s' FROM generate_series(1, {many}) AS n""",
    "api_keys": """INSERT INTO api_keys (hash, prefix, name, role, principal_id, scopes, actor)
        SELECT sha256(n::text::bytea), 'onward_0', 'a key', 'service', n, '{{orders:read}}', 'operator 1'
        FROM generate_series(1, {n}) AS n""",
    "people": """INSERT INTO people (email, name, role, principal_id, session_key)
        SELECT n || '@example.org', 'Somebody', 'buyer', n + 1, 'session ' || n FROM generate_series(1, {n}) AS n""",
    "sellers": """INSERT INTO sellers (id, name) SELECT n, 'A shop' FROM generate_series(1, {n}) AS n""",
    "sign_in_attempts": """INSERT INTO sign_in_attempts (key, count, since)
        SELECT sha256(n::text::bytea), 1, clock_timestamp() - mod(n, 2) * interval '1 h'
        FROM generate_series(1, {n}) AS n""",
    "stream_tickets": """INSERT INTO stream_tickets (hash, role, principal_id, credential, expires_at)
        SELECT sha256(n::text::bytea), 'seller', 1, '', clock_timestamp() - mod(n, 2) * interval '1 h'
            + interval '30 s' FROM generate_series(1, {n}) AS n""",
    "idempotency_keys": """INSERT INTO idempotency_keys (principal, key, fingerprint, status, body, order_ids,
            created_at)
        SELECT 'seller:' || mod(n, 997) + 1, 'k' || n, '', 200, '{{"order_id":' || n || '}}',
            CASE WHEN mod(n, 10) > 0 THEN ARRAY[n]::bigint[] END, clock_timestamp() - mod(n, 2) * interval '25 h'
        FROM generate_series(1, {n}) AS n""",
}
"""By table; triggers and foreign-key checks are off meanwhile."""

INDEXES = """SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i
    WHERE indrelid = to_regclass(%s) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)"""
"""Built in one go after the rows, indexes take half the time and a third less space."""

SMALL = {"side_effect_modes", "realtime_log", "alembic_version"}
"""What cannot grow: a row per kind, per log, per schema."""


def fill(database: Database, size: int, large: int, order: int) -> int:
    """Fill every table with `size` rows, and those that grow fastest with `large`; returns how many rows there are.

    One message in a hundred belongs to `order`.
    """
    tables = {name for (name,) in database.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert tables == FILLS.keys() | SMALL, tables ^ (FILLS.keys() | SMALL)
    rows = 0
    with closing(database.server.connect(database.name)) as connection, connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off; SET session_replication_role = replica; SET work_mem = '64MB'")
        cursor.execute("SET maintenance_work_mem = '256MB'")
        for table, statement in FILLS.items():
            cursor.execute(INDEXES, (table,))
            indexes = cursor.fetchall()
            for name, _ in indexes:
                cursor.execute(f"DROP INDEX {name}")
            cursor.execute(statement.format(n=size, many=large, order=order))
            rows += cursor.rowcount
            for _, definition in indexes:
                cursor.execute(definition)
        cursor.execute("ANALYZE")
    return rows
