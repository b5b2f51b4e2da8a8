"""Red or green: one table of rules for `/ops`, for Prometheus and for e-mails; with whom and since when."""

from __future__ import annotations

import pytest

from notifications.causes import LATE_SECONDS

EFFECT = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, scheduled_at)
    VALUES (%s, %s, 'order', %s, 7, %s, clock_timestamp() - %s * interval '1 s')"""
ENDPOINT = """INSERT INTO webhook_endpoints (seller_id, url, event_types, thin, headers, secret, disabled,
    failing_since, notified) VALUES (%s, 'https://shop.example', '{*}', false, '', '', false, %s, %s) RETURNING id"""
LATE = LATE_SECONDS + 1


@pytest.fixture
def health(olive):
    def read():
        return olive.get("/api/ops/health").json

    return read


def named(health):
    return [(one["rule"], one["subject"], one["seller_id"]) for one in health()["causes"]]


def test_all_is_well_where_nothing_is_wrong(health, sql):
    sql(EFFECT, "email.status", "mail-server", 1, "pending", 5)
    sql("INSERT INTO circuits (destination) VALUES ('mail-server')")

    assert {"well": True, "causes": [], "paused": []} == health()


def test_a_circuit_that_opened_is_named_with_its_shop_and_since_when(health, sql, app):
    ((endpoint,),) = sql(ENDPOINT, 7, None, 0)
    name = f"webhook:{endpoint}"
    sql("INSERT INTO circuits (destination, state) VALUES ('mail-server', 'half-open'), (%s, 'open')", name)
    for destination in ("mail-server", name):
        sql(
            "INSERT INTO circuit_changes (destination, state, reason) VALUES (%s, 'open', '8 of 9 calls failed')",
            destination,
        )

    assert [("circuit", "mail-server", None), ("circuit", name, 7)] == named(health)
    (first, _) = health()["causes"]
    assert "Calls to mail-server are stopped: 8 of 9 calls failed" == first["message"]
    assert first["since"].startswith("20")
    metrics = app.test_client().get("/metrics").get_data(as_text=True)
    assert f'onward_not_well_seconds{{rule="circuit",seller="7",subject="{name}"}}' in metrics


def test_a_paused_destination_is_no_fault_and_is_not_forgotten(health, olive, sql):
    sql(EFFECT, "email.status", "mail-server", 1, "pending", LATE)
    olive.post("/api/ops/side-effects/circuits", {"destination": "mail-server", "action": "pause"})

    shown = health()
    assert (True, "mail-server", 1) == (shown["well"], shown["paused"][0]["destination"], shown["paused"][0]["waiting"])


def test_what_is_due_and_kept_by_nothing_is_late(health, sql):
    sql(EFFECT, "email.status", "mail-server", 2, "pending", LATE)
    assert [("late", "mail-server", None)] == named(health)

    sql(EFFECT, "email.status", "mail-server", 1, "running", 0)
    assert [] == named(health), "an earlier one of its order goes first"


def test_a_delivery_waits_for_its_endpoint_and_is_not_late(health, sql):
    ((endpoint,),) = sql(ENDPOINT, 7, None, 0)
    sql(EFFECT, "webhook.delivery", f"webhook:{endpoint}", 1, "pending", LATE)
    assert [("late", f"webhook:{endpoint}", 7)] == named(health)

    for keeps in ("disabled = true", "rate_per_second = 1", "waits_until = clock_timestamp() + '1 h'"):
        sql("UPDATE webhook_endpoints SET rate_per_second = NULL, disabled = false")
        sql(f"UPDATE webhook_endpoints SET {keeps}")
        assert [] == named(health), keeps


def test_an_endpoint_whose_owner_was_notified_is_named(health, sql):
    sql(ENDPOINT, 0, "2026-11-27", 0)
    assert [] == named(health)

    ((endpoint,),) = sql(ENDPOINT, 0, "2026-11-27", 50)
    assert [("endpoint", f"webhook:{endpoint}", None)] == named(health), "the marketplace's own is no seller's"


def test_an_entry_that_nobody_processes_is_named(health, sql):
    entry = """INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, lease_until, created_at)
        VALUES ('order', 1, 1, 1, '', clock_timestamp(), clock_timestamp() - %s * interval '1 s')"""
    sql(entry, 30)
    assert [] == named(health)

    sql(entry.replace("1, 1, 1", "2, 1, 1"), 90)
    sql("DELETE FROM outbox WHERE event_id = 1")
    assert [("outbox", "", None)] == named(health)


def test_too_many_dead_letters_are_named_since_they_are_too_many(health, sql, settings):
    sql(
        """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status)
        SELECT 'email.status', 'mail-server', 'order', -n, -n, 'dead' FROM generate_series(1, %s) AS n""",
        settings.alert_dead_letters,
    )
    assert [] == named(health)

    sql(EFFECT, "email.status", "mail-server", 1, "dead", 0)
    assert [("dead_letters", "", None)] == named(health)
