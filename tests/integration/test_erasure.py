"""What identifies a buyer is erased from every table: a marker is put wherever it may stand, and sought in a dump."""

from __future__ import annotations

import json
import subprocess

import pytest

from access import api_keys, people
from access.api_keys import NewKey
from launch.account import Account
from launch.binaries import programs
from orders.schemas import CreateOrderRequest
from process import onward_of
from tests.cast import new_order

MARKER = "zqxmarkerzqx"
"""Letters only, so that it stands in search terms and fingerprints too."""

ERASED = {
    "alerts": "shown",
    "bulk_changes": "reason filters",
    "api_keys": "name",
    "circuit_changes": "reason",
    "idempotency_keys": "body",
    "internal_notes": "body",
    "messages": "body",
    "notifications": "body",
    "operator_actions": "target",
    "operator_jobs": "target selection",
    "order_reasons": "reason",
    "order_search": "document",
    "order_edits": "before after",
    "orders": "buyer_name buyer_email delivery note metadata tags",
    "people": "email name password session_key language time_zone theme",
    "preferences": "choices time_zone",
    "realtime_events": "data",
    "realtime_packs": "pieces",
    "revocations": "reason",
    "saved_views": "name filters",
    "side_effects": "last_error fingerprint attempt_log",
    "webhook_attempts": "body headers",
}
"""What is erased, or deleted with its row: each of these columns has the marker before, and none afterwards."""

OF_THE_ORDER = "the order itself: what was sold, when, for how much, and where the parcel is"
TECHNICAL = "a word of the service, an id, a hash or a status"
CLIENTS_ID = "an id that a client chose for its request; the history is never rewritten"
OF_SHOPS = "how a shop shows itself; the shop replaces it"
OF_OPERATORS = "the audit trail of operators, who are named in it with their reasons"

KEPT = {
    "alerts": {TECHNICAL: "key kind"},
    "alembic_version": {TECHNICAL: "version_num"},
    "api_keys": {TECHNICAL: "prefix role scopes ancestors", OF_OPERATORS: "actor"},
    "bulk_changes": {TECHNICAL: "owner actor_role actor_via to_status", CLIENTS_ID: "request_id"},
    "bulk_change_orders": {TECHNICAL: "result code detail order_status"},
    "circuit_changes": {TECHNICAL: "destination state"},
    "circuits": {TECHNICAL: "destination state window"},
    "digest_entries": {TECHNICAL: "owner event_type"},
    "digests": {TECHNICAL: "owner"},
    "idempotency_keys": {TECHNICAL: "principal fingerprint order_ids", CLIENTS_ID: "key"},
    "internal_notes": {TECHNICAL: "author_role author_via", CLIENTS_ID: "client_message_id"},
    "message_marks": {TECHNICAL: "reader_role reader_via"},
    "messages": {TECHNICAL: "kind author_role author_via buyer_body", CLIENTS_ID: "client_message_id"},
    "notifications": {TECHNICAL: "kind recipient_role", OF_THE_ORDER: "title"},
    "metric_minutes": {TECHNICAL: "name label"},
    "operator_actions": {TECHNICAL: "action actor_via", OF_OPERATORS: "actor reason"},
    "operator_jobs": {TECHNICAL: "action state actor_via error", OF_OPERATORS: "actor reason"},
    "order_imports": {OF_THE_ORDER: "external_id"},
    "order_events": {
        TECHNICAL: "type from_status to_status actor_role actor_via changed",
        OF_THE_ORDER: "tracking held",
        CLIENTS_ID: "idempotency_key request_id",
    },
    "orders": {
        TECHNICAL: "status prev_status closed_as",
        OF_THE_ORDER: "number external_id items currency tracking parcels",
    },
    "outbox": {TECHNICAL: "event_type", CLIENTS_ID: "request_id"},
    "people": {TECHNICAL: "role"},
    "preferences": {TECHNICAL: "owner"},
    "realtime_events": {TECHNICAL: "channel type"},
    "realtime_packs": {TECHNICAL: "channel other recipe"},
    "revocations": {TECHNICAL: "subject", OF_OPERATORS: "actor"},
    "saved_views": {TECHNICAL: "owner"},
    "sent_letters": {TECHNICAL: "kind"},
    "sellers": {OF_SHOPS: "name logo colour reply_to hours"},
    "side_effect_modes": {TECHNICAL: "kind mode"},
    "side_effects": {TECHNICAL: "kind destination event_type status", CLIENTS_ID: "request_id"},
    "stream_readers": {TECHNICAL: "channel who via reason"},
    "stream_tickets": {TECHNICAL: "role credential scopes"},
    "webhook_attempts": {TECHNICAL: "event_type type error"},
    "webhook_endpoints": {OF_SHOPS: "url event_types statuses headers secret previous_secret disabled_reason"},
}
"""What stays, and why."""

COLUMNS = """SELECT table_name, column_name, data_type FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
        AND data_type IN ('text', 'character varying', 'json', 'jsonb', 'ARRAY', 'tsvector', 'name', 'USER-DEFINED')"""

WEBHOOK_ATTEMPT = """INSERT INTO webhook_attempts
    (endpoint_id, event_type, event_id, order_id, type, attempt, succeeded, error, headers, body, seconds)
    VALUES (1, 'order', 1, %s, 'order.created', 1, true, '', '{}', '', 0.1)"""

OPERATOR_ACTION = """INSERT INTO operator_actions (actor, action, target, reason, count)
    VALUES ('operator 1', 'redeliver', %s, '', 1)"""
OPERATOR_JOB = """INSERT INTO operator_jobs (actor, action, selection, target, reason, per_second, matching, last_id)
    VALUES ('operator 1', 'redeliver', %s, %s, '', 1, 1, 0)"""

FORMS = {
    "json": "json_build_object('{0}', '{0}')",
    "jsonb": "jsonb_build_object('{0}', '{0}')",
    "ARRAY": "ARRAY['{0}']",
    "tsvector": "to_tsvector('{0}')",
}
"""The marker in a column of this type; in a text, behind what is there."""

SOLD = {
    "seller_id",
    "buyer_id",
    "number",
    "currency",
    "items",
    "total_minor",
    "tracking",
    "parcels",
    "due_at",
    "external_id",
}
SAID = {
    "buyer_name": f"Alice {MARKER}",
    "buyer_email": f"{MARKER}@example.org",
    "delivery": {"lines": [f"{MARKER} 1"], "city": MARKER},
    "note": MARKER,
    "metadata": {"key": MARKER},
    "tags": [MARKER],
}
"""The members of a new order: what is sold, and what identifies the buyer or was written by somebody."""


def erased():
    return {(table, column) for table, columns in ERASED.items() for column in columns.split()}


@pytest.fixture
def columns(sql):
    return {(table, column): kind for table, column, kind in sql(COLUMNS)}


@pytest.fixture
def dump(sql, database, tmp_path):
    """The whole database as `pg_dump` writes it."""
    command = programs(Account(0, 0, switch=False), tmp_path) / "pg_dump"

    def read():
        return subprocess.run([command, "--dbname", database], check=True, capture_output=True, text=True).stdout

    return read


@pytest.fixture
def told(app, cast, outbox, sql, columns, form):
    """An order of alice's with the marker in all that somebody wrote, and in every column where such may stand."""
    placed = cast.shop.post("/api/orders", new_order(cast.bob.id, cast.alice.id) | SAID, Idempotency_Key="a-key")
    id = placed.json["id"]
    for person in (cast.alice, cast.bob):
        person.post(f"/api/orders/{id}/messages", {"body": f"Dear {MARKER}"}, Idempotency_Key="b-key")
    cast.olive.post(f"/api/orders/{id}/messages", {"body": f"Her name is {MARKER}", "kind": "note"})
    cast.bob.post(f"/api/orders/{id}/tracking-links/revoke", {"reason": f"for {MARKER}"})
    edited = cast.shop.request("PATCH", f"/api/orders/{id}", {"buyer_email": f"new.{MARKER}@example.org", "note": "-"})
    assert edited.status == 200, edited
    cast.bob.move(id, "CANCELLED", f"because {MARKER}")
    with app.app_context():
        people.add(f"{MARKER}@example.org", f"Alice {MARKER}", "buyer", cast.alice.id)
        api_keys.create(NewKey(f"the telephone of {MARKER}", "buyer", cast.alice.id, ("orders:read",)), "a test")
    cast.alice.request("PUT", "/api/me/preferences", {"choices": {"*": {"email": "off"}}})
    cast.alice.post("/api/views", {"name": f"Of {MARKER}", "filters": {"q": MARKER}})
    cast.bob.post("/api/views", {"name": f"Alice {MARKER}", "filters": {"q": f"{MARKER}@example.org"}})
    cast.bob.post(
        "/api/bulk-changes", {"status": "CONFIRMED", "order_ids": [id], "reason": MARKER}, Idempotency_Key="c"
    )
    outbox.run_until_idle()
    sql("INSERT INTO circuit_changes (destination, state, reason) VALUES ('mail', 'open', %s)", f"550 {SAID}")
    sql("""INSERT INTO side_effects (kind, destination, event_type, event_id, order_id)
        SELECT 'email.status', 'mail', 'order', max(id), max(order_id) FROM order_events""")
    sql(
        "INSERT INTO alerts (key, kind, shown) VALUES ('circuit', 'circuit', %s)", json.dumps({"reason": f"550 {SAID}"})
    )
    sql(WEBHOOK_ATTEMPT, id)
    about = f"error {MARKER}@example.org"
    sql(
        "INSERT INTO operator_actions (actor, action, target, reason, count) VALUES ('operator 1', 'x', %s, '', 1)",
        about,
    )
    sql(OPERATOR_JOB, json.dumps({"error": about}), about)
    for table, column in sorted(erased()):
        if not holds(sql, table, column):
            value = FORMS.get(columns[table, column], "coalesce({1}, '') || '{0}'").format(MARKER, column)
            sql(f"UPDATE {table} SET {column} = {value}")
    return id


def holds(sql, table, column):
    ((count,),) = sql(f"SELECT count(*) FROM {table} WHERE strpos({column}::text, '{MARKER}') > 0")
    return count > 0


@pytest.fixture(autouse=True)
def _nothing_stays_revoked(app):
    """Later tests have the same alice."""
    yield
    onward_of(app).access.credentials.tokens.revocations._at.clear()


def test_every_column_with_text_is_erased_or_has_a_reason_to_stay(columns):
    """Whoever adds a column says here what becomes of it."""
    kept = {(table, column) for table, why in KEPT.items() for names in why.values() for column in names.split()}

    assert columns.keys() == erased() | kept
    assert not erased() & kept


def test_every_member_of_an_order_is_sold_or_said():
    """A new member of an order has to come through the erasure below, or to be part of what was sold."""
    assert CreateOrderRequest.model_fields.keys() == SOLD | SAID.keys()


@pytest.mark.parametrize("form", ["packs", "rows"], indirect=True)
def test_nothing_of_a_buyer_is_left_in_a_dump(cast, told, sql, dump, form):
    unmarked = {
        (table, column)
        for table, column in erased()
        if table != ("realtime_events" if form == "packs" else "realtime_packs") and not holds(sql, table, column)
    }
    assert unmarked == set()
    assert MARKER in dump()

    assert cast.olive.post("/api/ops/personal-data/erase", {"buyer_id": cast.alice.id, "reason": "asked"}).status == 200

    assert [line for line in dump().splitlines() if MARKER in line] == []
