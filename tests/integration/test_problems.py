"""Every error is a problem with a code, and reveals no more than it should."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing

import orjson
import psycopg2
import pytest

from chaos.leaks import LEAK
from foundation import problem_schema
from foundation.errors import TooManyRequests, catalogue
from foundation.openapi import committed, operations
from orders import bulk_changes, queries, saved_views
from orders.errors import OrderLocked
from orders.import_routes import AT_ONCE, MEDIA
from process import onward_of
from tests.cast import new_order
from tests.integration.visitor import press_button
from webhooks import endpoints
from webhooks.secrets_at_rest import Keyring

BY_THE_SERVER = {
    "request_timeout",
    "uri_too_long",
    "headers_too_large",
    "not_implemented",
    "expectation_failed",
    "too_many_connections",
}
"""What the server in front of the application says; test_refusals.py and test_hostile_connections.py provoke it."""

RUNNING = """INSERT INTO bulk_changes (owner, actor_role, actor_id, to_status, total, request_id)
    VALUES (%s, 'seller', %s, 'CONFIRMED', 1, '')"""


class Provoker:
    """Knows for each code a request that is answered with it."""

    def __init__(self, app, cast, placed, monkeypatch, dsn):
        self.dsn = dsn
        self.app, self.cast, self.id, self.monkeypatch = app, cast, placed["id"], monkeypatch
        self.bob = {"Authorization": f"Bearer {cast.bob.token}"}

    def ask(self, method, path, body=None, **more):
        headers = self.bob | {name.replace("_", "-"): value for name, value in more.items()}
        data = body if isinstance(body, bytes | None) else orjson.dumps(body)
        return self.app.test_client().open(path, method=method, headers=headers, data=data)

    def ask_as(self, person, method, path, body=None, **more):
        self.bob = {"Authorization": f"Bearer {person.token}"}
        return self.ask(method, path, body, **more)

    def move(self, to, **headers):
        return self.ask("PATCH", f"/api/orders/{self.id}/status", {"status": to}, **headers)

    def malformed_request(self):
        return self.ask("PATCH", f"/api/orders/{self.id}/status", b"{")

    def csrf_failed(self):
        client = self.app.test_client()
        press_button(client, "seller")
        return client.post("/api/notifications/read", json={"up_to": 1})

    def unauthorized(self):
        return self.ask("GET", "/api/orders", Authorization="Bearer nobody")

    def forbidden(self):
        return self.ask("GET", "/api/ops/side-effects")

    def not_found(self):
        return self.ask("GET", "/api/orders/999999999")

    def method_not_allowed(self):
        return self.ask("DELETE", "/api/orders")

    def illegal_transition(self):
        return self.move("DELIVERED")

    def cursor_expired(self):
        return self.ask("GET", "/api/events?after=1.1")

    def stale_version(self):
        return self.move("CONFIRMED", If_Match='"7"')

    def precondition_required(self):
        self.monkeypatch.setattr(onward_of(self.app).orders.changes, "require_version", True)
        return self.move("CONFIRMED")

    def duplicate_number(self):
        self.ask_as(self.cast.shop, "POST", "/api/orders", new_order(1, 1) | {"number": "A-1"})
        return self.ask("POST", "/api/orders", new_order(1, 1) | {"number": "A-1"})

    def buyer_erased(self):
        with closing(psycopg2.connect(self.dsn)) as other, other:
            other.cursor().execute("UPDATE orders SET buyer_email = ''")
        return self.ask("PATCH", f"/api/orders/{self.id}", {"buyer_name": "Alice"})

    def duplicate_external_id(self):
        self.cast.place(external_id="shop-1")
        return self.ask_as(self.cast.olive, "PATCH", f"/api/orders/{self.id}", {"external_id": "shop-1"})

    def duplicate_view(self):
        self._save_view("Late orders")
        return self._save_view("Late orders")

    def message_id_reused(self):
        for body in ("Hello", "Hello again"):
            said = {"body": body, "client_message_id": "m-1"}
            answer = self.ask("POST", f"/api/orders/{self.id}/messages", said)
        return answer

    def too_many_webhooks(self):
        self.monkeypatch.setattr(endpoints, "MOST", 0)
        return self._create_webhook()

    def webhooks_off(self):
        self.monkeypatch.setattr(Keyring, "__bool__", lambda _: False, raising=False)
        return self._create_webhook()

    def _create_webhook(self):
        wanted = {"url": "https://shop.example.org/", "event_types": ["order.*"]}
        return self.ask("POST", "/api/webhooks", wanted)

    def _move_many(self, **more):
        return self.ask("POST", "/api/bulk-changes", {"status": "CONFIRMED"} | more)

    def bulk_change_running(self):
        with closing(psycopg2.connect(self.dsn)) as other, other:
            other.cursor().execute(RUNNING, (f"seller:{self.cast.bob.id}", self.cast.bob.id))
        return self._move_many(order_ids=[self.id])

    def count_changed(self):
        return self._move_many(filters={"status": "CANCELLED"}, expected=1)

    def too_many_orders(self):
        self.monkeypatch.setattr(bulk_changes, "MOST_ORDERS", 0)
        return self._move_many(filters={"status": "PENDING"}, expected=1)

    def not_undoable(self):
        self.move("CONFIRMED")
        return self.ask("POST", f"/api/orders/{self.id}/undo", {})

    def not_acceptable(self):
        return self.ask("GET", "/api/orders", Accept="text/html")

    def not_editable(self):
        self.cast.bob.move(self.id, "CANCELLED", "Sold out")
        return self.ask_as(self.cast.alice, "PATCH", f"/api/orders/{self.id}", {"buyer_name": "Alice B"})

    def nothing_to_resend(self):
        return self.ask("POST", f"/api/orders/{self.id}/notifications/resend")

    def stale_profile(self):
        return self.ask("PUT", "/api/sellers/1", {"name": "Bob's Mugs"}, If_Match='"7"')

    def too_many_imports(self):
        """An answer that is not read to its end keeps its import going."""
        with ExitStack() as stack:
            for _ in range(AT_ONCE):
                stack.callback(self._import().close)
            return self._import()

    def too_many_views(self):
        self.monkeypatch.setattr(saved_views, "MOST", 1)
        self._save_view("First")
        return self._save_view("Second")

    def body_too_large(self):
        return self.ask("PATCH", f"/api/orders/{self.id}/status", b'{"status": "' + b"x" * 70_000)

    def unsupported_media_type(self):
        return self.move("CONFIRMED", Content_Type="application/x-www-form-urlencoded")

    def invalid_request(self):
        return self.ask("GET", "/api/orders?limit=1000")

    def idempotency_mismatch(self):
        self.move("CONFIRMED", Idempotency_Key="k")
        return self.move("PREPARING", Idempotency_Key="k")

    def order_locked(self):
        return self._reading(OrderLocked())

    def too_many_requests(self):
        return self._reading(TooManyRequests())

    def idempotency_in_progress(self):
        connection = psycopg2.connect(self.dsn)
        connection.cursor().execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('seller:1 k', 0) | (1::bigint << 62))"
        )
        try:
            return self.ask("POST", "/api/notifications/read", {"up_to": 1}, Idempotency_Key="k")
        finally:
            connection.close()

    def answer_not_kept(self):
        self.ask("POST", "/api/stream-tickets", Idempotency_Key="k")
        return self.ask("POST", "/api/stream-tickets", Idempotency_Key="k")

    def internal_error(self):
        return self._reading(RuntimeError("SELECT * FROM secrets"))

    def service_unavailable(self):
        return self._reading(psycopg2.OperationalError("could not connect to server: /var/run/postgresql"))

    def database_busy(self):
        with closing(psycopg2.connect(self.dsn)) as other:
            other.cursor().execute("LOCK TABLE orders")
            return self.ask("GET", f"/api/orders/{self.id}")

    def not_ready(self):
        return self.ask("GET", "/readyz")

    def _save_view(self, name):
        return self.ask("POST", "/api/views", {"name": name, "filters": {}})

    def _import(self):
        return self.ask_as(self.cast.shop, "POST", "/api/orders/import", b"{}\n", Content_Type=MEDIA)

    def _reading(self, error):
        def broken(*_):
            raise error

        self.monkeypatch.setattr(queries, "order", broken)
        return self.ask("GET", f"/api/orders/{self.id}")


@pytest.fixture
def provoker(app, cast, placed, monkeypatch, settings):
    return Provoker(app, cast, placed, monkeypatch, settings.dsn)


@pytest.mark.parametrize("code", sorted(catalogue().keys() - BY_THE_SERVER))
def test_each_code_is_told_as_its_example_shows(app, provoker, code):
    from foundation.openapi import document_of

    schema = document_of(app)["components"]["schemas"]["Problem"]
    example = problem_schema.examples([catalogue()[code]])[code]["value"]

    answer = getattr(provoker, code)()
    told = answer.get_json(force=True)
    assert ("application/problem+json", catalogue()[code].status) == (answer.content_type, answer.status_code)
    assert example | {"request_id": 0, "detail": 0} == told | {
        name: example[name] for name in catalogue()[code].example
    } | {"request_id": 0, "detail": 0}
    assert told["request_id"] == answer.headers["X-Request-ID"]
    assert told["detail"]
    assert told.keys() <= schema["properties"].keys()


@pytest.mark.parametrize("code", sorted(catalogue().keys() - BY_THE_SERVER))
def test_a_problem_tells_nothing_of_the_inside(provoker, code):
    text = getattr(provoker, code)().get_data(as_text=True)

    assert not LEAK.search(text)
    assert "/var/" not in text


def test_an_address_that_is_not_there_is_a_problem_without_a_redirect(app):
    for path in ("/api/nothing", "//api/orders", "/api/orders/", "/api/orders/1/status/more"):
        answer = app.test_client().patch(path)

        assert (404, "not_found") == (answer.status_code, answer.get_json(force=True)["code"])


@pytest.mark.parametrize(
    "type", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_json_may_be_called_by_its_names(provoker, type):
    assert 200 == provoker.move("CONFIRMED", Content_Type=type).status_code


def test_a_misspelt_query_parameter_is_refused(provoker):
    answer = provoker.ask("GET", "/api/orders?statsu=PENDING")

    assert (422, "statsu") == (answer.status_code, answer.get_json(force=True)["errors"][0]["field"])


def test_no_operation_ignores_a_parameter(provoker, cast):
    """A parameter that is ignored is one that the client counts on."""
    ignored = []
    for path, method, operation in operations(committed()):
        if operation.get("security"):
            asked = f"{re.sub(r'{.*?}', str(provoker.id), path)}?surprise=1"
            answer = provoker.ask_as(cast.olive, method, asked)
            if answer.status_code == 403:
                answer = provoker.ask_as(cast.shop, method, asked)
            errors = answer.get_json(force=True).get("errors", [{}])
            ignored += [] if "surprise" in [error.get("field") for error in errors] else [(method, path)]

    assert [] == ignored


@pytest.mark.parametrize(("method", "sure"), [("GET", True), ("POST", False)])
def test_nobody_says_that_nothing_was_changed_who_cannot_know(app, provoker, method, sure):
    def broken(*_):
        raise psycopg2.OperationalError("server closed the connection unexpectedly")

    for view in ("notifications.mark_notifications_read", "notifications.list_notifications"):
        provoker.monkeypatch.setitem(app.view_functions, view, broken)
    body = {"up_to": 1} if method == "POST" else None
    path = "/api/notifications/read" if body else "/api/notifications"

    told = provoker.ask(method, path, body).get_json()["detail"]
    assert sure == ("Nothing was changed" in told)
    assert sure != ("may have been applied" in told)
