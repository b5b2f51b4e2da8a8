-- Which streams there were, so that it can be said later who has received an event.

-- name: begin_readers(streams bigint[], channels text[], process bigint, whos text[], vias text[], befores bigint[], ages float8[])
-- A row for each channel of each stream.
INSERT INTO stream_readers (stream, channel, process, who, via, received_from, opened_at)
SELECT stream, channel, :process, who, nullif(via, ''), received_from, clock_timestamp() - make_interval(secs => age)
FROM unnest(:streams, :channels, :whos, :vias, :befores, :ages)
    AS begun (stream, channel, who, via, received_from, age)
ON CONFLICT DO NOTHING RETURNING 1

-- name: end_readers(streams bigint[], throughs bigint[], reasons text[], ages float8[])
-- By the key, whose first column is the stream.
UPDATE stream_readers r SET received_through = ended.through, reason = ended.reason,
    ended_at = clock_timestamp() - make_interval(secs => ended.age)
FROM unnest(:streams, :throughs, :reasons, :ages) AS ended (stream, through, reason, age)
WHERE r.stream = ANY(:streams) AND r.stream = ended.stream RETURNING 1

-- name: readers_of(channels, first, last, at, most)
-- The streams of these channels that an event was due to: those that were open when it was published, or replayed it, or
-- were lost within seconds of it. The latest rows of a channel only: one of 1,000 streams has 150,000 in a day.
WITH {living}
SELECT r.stream, r.channel, r.who, r.via, r.received_from, r.received_through, r.reason, r.opened_at, r.ended_at,
    r.process IN (SELECT owner FROM living) AS lives
FROM unnest(CAST(:channels AS text[])) AS mine (channel) CROSS JOIN LATERAL (
    SELECT * FROM stream_readers WHERE channel = mine.channel ORDER BY opened_at DESC LIMIT {looked_at}) AS r
WHERE r.received_from < :first AND coalesce(r.received_through, 9223372036854775807) >= :last
    OR r.received_through < :last AND r.received_from < :first AND r.ended_at > :at - interval '{lost_seconds} s'
ORDER BY r.opened_at LIMIT :most

-- name: prune_readers(hours, piece)
-- As long as the events themselves can be replayed.
DELETE FROM stream_readers WHERE (stream, channel) IN (SELECT stream, channel FROM stream_readers
    WHERE opened_at < clock_timestamp() - make_interval(hours => :hours) ORDER BY opened_at LIMIT :piece)

-- name: erase_readers(channels, piece)
-- Part of erasing personal data on request: when somebody was online.
DELETE FROM stream_readers WHERE (stream, channel) IN (
    SELECT stream, channel FROM stream_readers WHERE channel = ANY(:channels) LIMIT :piece)
