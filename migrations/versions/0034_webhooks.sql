CREATE TABLE webhook_endpoints (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seller_id bigint NOT NULL,
    url text NOT NULL,
    event_types text[] NOT NULL,
    statuses text[],
    thin boolean NOT NULL,
    headers text NOT NULL,
    rate_per_second double precision,
    secret text NOT NULL,
    previous_secret text,
    previous_until timestamptz,
    disabled boolean NOT NULL,
    disabled_reason text NOT NULL DEFAULT '',
    disabled_at timestamptz,
    failing_since timestamptz,
    notified smallint NOT NULL DEFAULT 0,
    paced_until timestamptz NOT NULL DEFAULT clock_timestamp(),
    waits_until timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 80);
CREATE INDEX webhook_endpoints_seller_id_idx ON webhook_endpoints (seller_id);

CREATE TABLE webhook_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id bigint NOT NULL,
    event_type text NOT NULL,
    event_id bigint NOT NULL,
    order_id bigint NOT NULL,
    type text NOT NULL,
    attempt integer NOT NULL,
    succeeded boolean NOT NULL,
    status smallint,
    error text NOT NULL,
    headers json NOT NULL,
    body text NOT NULL,
    seconds double precision NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_attempts_endpoint_id_id_idx ON webhook_attempts (endpoint_id, id);
CREATE INDEX webhook_attempts_failed_idx ON webhook_attempts (endpoint_id, id) WHERE NOT succeeded;
CREATE INDEX webhook_attempts_at_idx ON webhook_attempts USING brin (at);
CREATE INDEX webhook_attempts_order_id_idx ON webhook_attempts (order_id);

CREATE TABLE webhook_hours (
    endpoint_id bigint NOT NULL,
    hour timestamptz NOT NULL,
    succeeded bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (endpoint_id, hour)
);
