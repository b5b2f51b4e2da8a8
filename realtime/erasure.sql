-- Remove names and texts from the log of live events; the order of the log does not change.

-- fragment: erased_data
CAST(
    jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(jsonb_set(CAST(data AS jsonb)
        #- '{order,buyer_email}' #- '{order,delivery}' #- '{order,note}' #- '{order,metadata}' #- '{order,tags}',
        '{event,actor,api_key,name}', 'null', false),
        '{message,author,api_key,name}', 'null', false),
        '{seen,reader,api_key,name}', 'null', false),
        '{seen,reader,person,name}', 'null', false),
        '{event,actor,person,name}', 'null', false),
        '{message,author,person,name}', 'null', false),
        '{order,buyer_name}', to_jsonb(CAST(:name AS text)), false),
        '{event,reason}', 'null', false),
        '{message,body}', to_jsonb(CAST(:name AS text)), false),
        '{notification,body}', '""', false) AS text)

-- fragment: nameless_data
CAST(
    jsonb_set(jsonb_set(jsonb_set(CAST(data AS jsonb),
        '{event,actor,person,name}', 'null', false),
        '{seen,reader,person,name}', 'null', false),
        '{message,author,person,name}', 'null', false) AS text)

-- fragment: packs_of_channel
(SELECT seq FROM realtime_packs WHERE channel = :channel AND seq > :after ORDER BY seq LIMIT :piece)
    UNION
    (SELECT seq FROM realtime_packs WHERE other = :channel AND seq > :after ORDER BY seq LIMIT :piece)
    ORDER BY seq LIMIT :piece

-- fragment: erase_found_packs
erased AS (
    UPDATE realtime_packs p SET (recipe, pieces) = (
        SELECT string_agg(type || ' ' || side || ' ' || place, ';' ORDER BY place),
            string_agg({erased_data}, chr(30) ORDER BY place)
        FROM (SELECT *, count(*) OVER () - 1 - behind AS place FROM events_of_pack(p.recipe, p.pieces)) AS of_pack)
    WHERE seq = ANY(ARRAY(SELECT seq FROM found)) RETURNING recipe)
SELECT (SELECT count(*) FROM found), (SELECT max(seq) FROM found),
    CAST(coalesce(sum(1 + length(recipe) - length(replace(recipe, ';', ''))), 0) AS bigint) FROM erased

-- fragment: erase_rows
UPDATE realtime_events SET data = {erased_data}

-- name: erase_packs(channel, name, after, piece)
-- All packs of a buyer's channel, since each is about one order of the buyer's. The pieces are not JSON by themselves: the
-- events are put together, erased, and stored as one piece each; their number, and so the row's own, stays.
WITH found AS MATERIALIZED ({packs_of_channel}),
{erase_found_packs}

-- name: erase_packs_of(ids, name, after, piece)
-- The same for those of internal notes, by what they are found by.
WITH found AS MATERIALIZED (
    SELECT seq FROM realtime_packs WHERE event_id = ANY(:ids) AND seq > :after ORDER BY seq LIMIT :piece),
{erase_found_packs}

-- name: erase(orders, name, after, piece)
-- In pieces along the log: an erased event looks like any other, so a search could not find what is left.
WITH of_orders AS MATERIALIZED (SELECT seq FROM realtime_events WHERE order_id = ANY(:orders)),
found AS (SELECT seq FROM of_orders WHERE seq > :after ORDER BY seq LIMIT :piece),
erased AS ({erase_rows} WHERE seq = ANY(ARRAY(SELECT seq FROM found)))
SELECT count(*), max(seq), count(*) FROM found

-- name: erase_without_order(channel, orders, name, after, piece)
-- An earlier version wrote events without their order: while such events exist, all of a channel's are searched.
WITH found AS MATERIALIZED (
    SELECT seq, CAST(coalesce(
        CAST(data AS json) -> 'order' ->> 'id', CAST(data AS json) -> 'message' ->> 'order_id',
        CAST(data AS json) -> 'notification' ->> 'order_id') AS bigint) AS mentioned
    FROM realtime_events
    WHERE order_id IS NULL AND channel = :channel AND seq > :after ORDER BY seq LIMIT :piece),
erased AS ({erase_rows} WHERE seq = ANY(ARRAY(SELECT seq FROM found WHERE mentioned = ANY(:orders))))
SELECT count(*), max(seq), count(*) FILTER (WHERE mentioned = ANY(:orders)) FROM found

-- name: any_without_order()
-- Answered by a partial index, which is empty once the events of that version are pruned.
SELECT EXISTS (SELECT FROM realtime_events WHERE order_id IS NULL)

-- name: erase_person_packs(channel, marker, after, piece)
-- The name of a person, in the events of the account's channel that say the person acted. :marker: how such an event
-- names the person. A pack is about one change, or one message: all of its events have the same actor.
WITH found AS MATERIALIZED ({packs_of_channel}),
erased AS (
    UPDATE realtime_packs p SET (recipe, pieces) = (
        SELECT string_agg(type || ' ' || side || ' ' || place, ';' ORDER BY place),
            string_agg({nameless_data}, chr(30) ORDER BY place)
        FROM (SELECT *, count(*) OVER () - 1 - behind AS place FROM events_of_pack(p.recipe, p.pieces)) AS of_pack)
    WHERE seq = ANY(ARRAY(SELECT seq FROM found)) AND strpos(pieces, :marker) > 0 RETURNING recipe)
SELECT (SELECT count(*) FROM found), (SELECT max(seq) FROM found),
    CAST(coalesce(sum(1 + length(recipe) - length(replace(recipe, ';', ''))), 0) AS bigint) FROM erased

-- name: erase_person(channel, marker, after, piece)
-- The same for events of a row each.
WITH found AS MATERIALIZED (
    SELECT seq, data FROM realtime_events WHERE channel = :channel AND seq > :after ORDER BY seq LIMIT :piece),
erased AS (
    UPDATE realtime_events SET data = {nameless_data}
    WHERE seq = ANY(ARRAY(SELECT seq FROM found WHERE strpos(data, :marker) > 0)) RETURNING seq)
SELECT (SELECT count(*) FROM found), (SELECT max(seq) FROM found), (SELECT count(*) FROM erased)
