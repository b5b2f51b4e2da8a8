-- Rows in every table of a database at revision 0013, as the versions before the baseline wrote them: seller 1 sells to
-- buyer 1. Order 1 was confirmed a moment before its process was stopped: its outbox entry and a retry are pending.

INSERT INTO orders (number, status, prev_status, version, open, seller_id, buyer_id, buyer_name, buyer_email, items,
        total_minor, currency, tracking)
    VALUES ('A-1', 'CONFIRMED', 'PENDING', 2, true, 1, 1, 'Alice Archer', 'alice@example.org',
            '[{"sku":"MUG","title":"Mug","quantity":1,"unit_price_minor":1200}]', 1200, 'EUR', NULL),
        ('A-2', 'SHIPPED', 'PREPARING', 4, true, 1, 1, 'Alice Archer', 'alice@example.org',
            '[{"sku":"CUP","title":"Cup","quantity":2,"unit_price_minor":300}]', 600, 'EUR',
            '{"carrier":"DHL","code":"JJD1"}');

INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id, buyer_id,
        promised, idempotency_key, request_id)
    VALUES (1, 1, 'order.created', NULL, 'PENDING', 'service', 1, 1, 1, 27, 'k-1', 'r-1'),
        (1, 2, 'order.status_changed', 'PENDING', 'CONFIRMED', 'seller', 1, 1, 1, 63, 'k-2', 'r-2');
INSERT INTO order_reasons (event_id, reason) VALUES (2, 'in stock again');

INSERT INTO outbox (topic, subject_id, ref, pending, request_id, owner, lease_until)
    VALUES ('order', 2, 1, 63, 'r-2', 17, clock_timestamp() - interval '1 minute');
INSERT INTO side_effects (kind, destination, topic, subject_id, ref, status, attempts, scheduled_at, last_error,
        fingerprint, finished_at)
    VALUES ('signal.order_status_changed', 'tests.integration.test_before_baseline.hear', 'order', 1, 1, 'pending', 1,
            clock_timestamp(), 'RuntimeError', 'RuntimeError', NULL),
        ('email.status', 'mail-server', 'order', 1, 1, 'dead', 1, clock_timestamp(), '550 no such user', '550', NULL);
INSERT INTO side_effect_modes (kind, mode) VALUES ('email.status', 'background');
INSERT INTO circuits (destination, state, until, cooldown) VALUES ('mail-server', 'open', clock_timestamp(), 30);
INSERT INTO circuit_changes (destination, state, reason) VALUES ('mail-server', 'open', 'it refuses all calls');
INSERT INTO operator_actions (actor, action, target, reason, count)
    VALUES ('operator 1', 'pause', 'mail-server', 'moving', 1);

INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
    VALUES (1, 1, 'generic', 'seller', 1, 'Order #A-1', 'placed');
INSERT INTO messages (order_id, kind, seller_id, buyer_id, author_role, author_id, body)
    VALUES (1, 'person', 1, 1, 'buyer', 1, 'Is it blue?');
INSERT INTO realtime_events (seq, channel, type, data)
    VALUES (nextval('realtime_seq'), 'seller:1', 'order.created', '{"order":{"id":1}}');

INSERT INTO people (email, name, role, subject_id, session_key) VALUES ('bob@example.org', 'Bob', 'seller', 1, 's-1');
INSERT INTO sign_in_tries (key, count) VALUES ('\x01', 3);
INSERT INTO api_keys (hash, prefix, name, role, subject_id, scopes, actor)
    VALUES ('\x02', 'onward_ab', 'the warehouse', 'service', 1, '{orders:read}', 'operator 1');
INSERT INTO stream_tickets (hash, role, subject_id, proof, proof_ends, expires_at)
    VALUES ('\x03', 'seller', 1, 'jti:9', 1.5, clock_timestamp() + interval '30 s');
INSERT INTO revocations (subject, actor, reason) VALUES ('jti:8', 'operator 1', 'lost');
INSERT INTO idempotency_keys (principal, key, fingerprint, status, body) VALUES ('seller:1', 'k', 'f', 200, '{}');
