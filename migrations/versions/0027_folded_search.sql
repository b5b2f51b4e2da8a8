-- What an order is found by is written with it, by the service, which folds it (orders/search.py). These triggers stay
-- for whoever writes an order without: a process of the version before, or somebody at psql. What they write can be
-- found, and is marked to be folded by the service.

-- Existing documents are not folded. (A constant default rewrites no row.)
ALTER TABLE order_search ADD COLUMN folded boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION insert_order_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_search (order_id, document) SELECT id, search_document(number, buyer_name) FROM placed
    WHERE NOT EXISTS (SELECT FROM order_search written WHERE written.order_id = placed.id);
    RETURN NULL;
END $$;

-- At once, so that nothing that was erased can be found; the rest follows when it is folded.
CREATE OR REPLACE FUNCTION update_order_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE order_search SET document = search_document(NEW.number, NEW.buyer_name), folded = false
    WHERE order_id = NEW.id;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER update_order_search AFTER UPDATE OF number, buyer_name, buyer_email ON orders
    FOR EACH ROW EXECUTE FUNCTION update_order_search();

-- A parcel is given by a status change, of this version or the one before. Other changes do not get as far as the
-- function: PostgreSQL checks the condition, a few microseconds for each statement.
CREATE FUNCTION add_parcel_to_order_search() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE order_search SET document = document || search_document(NEW.tracking->>'number', ''), folded = false
    WHERE order_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER add_parcel_to_order_search AFTER UPDATE OF tracking ON orders
    FOR EACH ROW WHEN (NEW.tracking IS NOT NULL AND NEW.tracking::text IS DISTINCT FROM OLD.tracking::text)
    EXECUTE FUNCTION add_parcel_to_order_search();

-- Filters of the list under a name. The owner is a person (person:12) or, without one, a role and id (seller:7).
CREATE TABLE saved_views (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL,
    name text NOT NULL,
    filters json NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT saved_views_owner_name_key UNIQUE (owner, name)
);
