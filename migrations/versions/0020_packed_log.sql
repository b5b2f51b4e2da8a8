-- One row for several live events, mostly all of one change: pieces of their JSON that they share, separated by 0x1e
-- (which JSON text cannot contain), and a recipe, `type side pieces;type side pieces`: side 0 is `channel`, side 1 `other`.
-- The row has the number of its last event, and its other events have the numbers before.
CREATE TABLE realtime_packs (
    seq bigint PRIMARY KEY,
    channel text NOT NULL,
    other text,
    recipe text NOT NULL,
    pieces text NOT NULL,
    event_id bigint,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A row has 1.7 KB. From 2 KB on, PostgreSQL would compress it, which costs more than it saves.
ALTER TABLE realtime_packs SET (toast_tuple_target = 8160);

CREATE INDEX realtime_packs_channel_seq_idx ON realtime_packs (channel, seq);
CREATE INDEX realtime_packs_other_seq_idx ON realtime_packs (other, seq);
CREATE INDEX realtime_packs_event_idx ON realtime_packs (event_id) WHERE event_id IS NOT NULL;

-- Whether events are packed: true once no process of the release before is left, which could not read them.
ALTER TABLE realtime_log ADD COLUMN packed boolean NOT NULL DEFAULT false;

UPDATE realtime_log SET packed = true WHERE NOT (SELECT is_called FROM realtime_seq) AND NOT EXISTS (
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'onward %');

-- The events of a pack: how many others come after each, and its JSON.
CREATE FUNCTION events_of_pack(recipe text, pieces text)
RETURNS TABLE (behind bigint, side text, type text, data text) LANGUAGE sql IMMUTABLE AS $$
    SELECT count(*) OVER () - place, split_part(entry, ' ', 2), split_part(entry, ' ', 1), (
        SELECT coalesce(string_agg(texts[number::int + 1], '' ORDER BY at), '')
        FROM string_to_table(split_part(entry, ' ', 3), '.') WITH ORDINALITY AS t (number, at))
    FROM (SELECT string_to_array(pieces, chr(30)) AS texts OFFSET 0) AS split
    CROSS JOIN LATERAL string_to_table(recipe, ';') WITH ORDINALITY AS t (entry, place)
$$;

-- The events of both kinds of rows, each with its number, its channel and its JSON.
CREATE VIEW live_events AS
SELECT seq, channel, type, data, NULL::bigint AS event_id, created_at FROM realtime_events
UNION ALL
SELECT p.seq - e.behind, CASE e.side WHEN '0' THEN p.channel ELSE p.other END, e.type, e.data, p.event_id, p.created_at
FROM realtime_packs p CROSS JOIN LATERAL events_of_pack(p.recipe, p.pieces) AS e;
