-- Outbox entries: claim abandoned ones, renew leases, release.

-- fragment: lease
clock_timestamp() + interval '{lease_seconds} s'

-- name: claim(owner bigint, most int, look_back int, others_too boolean, event_types text[], masks int[])
-- Takes over entries that no process works on any more.
--
-- Reads each owner's end of the index (owner, lease_until) only: reading through a backlog of 10^6 entries that others
-- work on took a third of a second, each second. :look_back limits how far back it reads, in seconds: under somebody
-- else's long transaction, dead rows pile up there. (By statement_timestamp(): an index cannot be searched by a
-- volatile function.) Finding the owners reads over all of these rows (100 ms at 200,000): only a full look does that,
-- the others ask for the processes that started last. :others_too: whether other processes may be taken for dead.
-- :event_types, :masks: those that this process knows, with the bits of their effects. Unknown ones are left alone: a
-- newer version recorded them.
--
-- The last column: whether another process abandoned the entry. Released entries have no owner; those of held changes
-- have {held}, and are free when their lease ends.
WITH RECURSIVE {living},
owners AS (
    (SELECT owner FROM outbox WHERE :look_back > {look_back_seconds} ORDER BY owner LIMIT 1)
    UNION ALL SELECT (SELECT b.owner FROM outbox b WHERE b.owner > o.owner ORDER BY b.owner LIMIT 1)
        FROM owners o WHERE o.owner IS NOT NULL),
candidates AS (
    SELECT owner FROM owners WHERE owner IS NOT NULL UNION SELECT 0 UNION SELECT {held}
    UNION SELECT generate_series(greatest(1, last_value - {recent_processes}), last_value) FROM process_seq),
limits AS (
    SELECT owner, clock_timestamp() + CASE
        WHEN owner = :owner THEN interval '{lease_less_stray_seconds} s'
        WHEN owner > 0 AND owner NOT IN (SELECT owner FROM living)
        THEN interval '{lease_less_grace_seconds} s' ELSE interval '0' END AS before
    FROM candidates WHERE owner IN ({held}, 0, :owner) OR (:others_too AND (SELECT yes FROM stable))),
abandoned AS MATERIALIZED (
    SELECT found.id FROM limits l CROSS JOIN LATERAL (
        SELECT b.id FROM outbox b
        WHERE b.owner = l.owner AND b.lease_until < l.before
          AND b.lease_until > statement_timestamp() - make_interval(secs => :look_back)
          AND (SELECT b.pending = 0 OR b.pending & k.mask <> 0
              FROM unnest(:event_types, :masks) AS k (event_type, mask) WHERE k.event_type = b.event_type)
        ORDER BY b.lease_until LIMIT :most) AS found),
taken AS (
    SELECT id, owner FROM outbox WHERE id = ANY(ARRAY(SELECT id FROM abandoned))
    ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED)
UPDATE outbox b SET owner = :owner, lease_until = {lease}
FROM taken WHERE b.id = taken.id AND b.id = ANY(ARRAY(SELECT id FROM taken))
  AND (b.lease_until < clock_timestamp() OR b.owner IN (SELECT owner FROM limits WHERE before > clock_timestamp()))
RETURNING b.id, b.event_type, b.event_id, b.order_id, b.pending, b.request_id, taken.owner NOT IN ({held}, 0, :owner)

-- name: renew(ids bigint[], owner bigint)
-- The ids that are not returned have been taken over. `owner + 0`: by the index of owners it would read all entries of
-- ours, instead of looking up ids.
UPDATE outbox SET lease_until = {lease}
WHERE id = ANY(ARRAY(
    SELECT id FROM outbox WHERE id = ANY(:ids) AND owner + 0 = :owner ORDER BY id FOR UPDATE SKIP LOCKED))
RETURNING id

-- name: hand_back(ids bigint[], owner bigint)
-- Without an owner they are found by the next look of any process, and count as no crash.
UPDATE outbox SET owner = 0, lease_until = clock_timestamp()
WHERE id = ANY(ARRAY(
    SELECT id FROM outbox WHERE id = ANY(:ids) AND owner + 0 = :owner ORDER BY id FOR UPDATE SKIP LOCKED))
RETURNING id
