"""The permission matrix in authorization.yaml: every route, every kind of principal, own, foreign, missing."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
import yaml
from flask import Flask
from sqlalchemy import text

from access import api_keys, guards, revocations
from access.api_keys import NewKey
from access.tokens import Tokens
from foundation.db import db
from foundation.settings import Settings
from process import onward_of
from tests.cast import Cast, new_order
from tests.conftest import SECRET
from webhooks.models import MARKETPLACE

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("authorization.yaml").read_text())
TARGETS = ("answer", "own", "foreign", "missing")
MISSING = 999_999_999
LEAST_CELLS = 600

SAVE_VIEW = text("INSERT INTO saved_views (owner, name, filters) VALUES (:owner, :name, '{}') RETURNING id")

START_BULK_CHANGE = text(
    """INSERT INTO bulk_changes (owner, actor_role, actor_id, to_status, total, request_id, finished_at)
    VALUES (:owner, 'seller', 1, 'CONFIRMED', 0, '', clock_timestamp()) RETURNING id"""
)

ADD_WEBHOOK = text(
    """INSERT INTO webhook_endpoints (seller_id, url, event_types, thin, headers, secret, disabled)
    VALUES (:seller, 'http://127.0.0.1:9/', '{*}', false, '', '', false) RETURNING id"""
)

CONVERTER = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?")
"""What stands before a parameter's name in werkzeug's rules."""

GOOD = {"sub": "1", "role": "operator", "iss": "onward", "aud": "onward", "iat": 0, "exp": 4_000_000_000}


@dataclass
class Asking:
    """One principal: what it proves itself with, and its orders."""

    name: str
    kind: str
    headers: dict[str, str]
    channel: str = "buyer:1"
    orders: dict[str, Callable[[], int]] = field(default_factory=dict)


class Callers:
    """Two orders, two sides each, and everybody who might come."""

    def __init__(self, app: Flask, cast: Cast, settings: Settings) -> None:
        self.app, self.cast, self.tokens = app, cast, Tokens.of(settings)
        self._numbers = itertools.count()
        with app.app_context():
            self.everybody = [*self._refused(), *self._parties(), *self._others()]
        onward_of(app).access.refresher.look()

    def _parties(self) -> Iterator[Asking]:
        """Alice buys from bob, carol from mallory: the ids of a buyer and a seller are the same on purpose."""
        for name, role, id, other in (
            ("alice", "buyer", 1, 2),
            ("carol", "buyer", 2, 1),
            ("bob", "seller", 1, 2),
            ("mallory", "seller", 2, 1),
        ):
            yield self._asking(name, role, id, lambda id=id: self._place(id), lambda other=other: self._place(other))

    def _others(self) -> Iterator[Asking]:
        _, key = api_keys.create(NewKey("a key", "service", 1, tuple(guards.scopes())), "a test")
        shop = self._asking("a key of the shop", "service", 1, lambda: self._place(1), lambda: self._place(2))
        yield dataclasses.replace(shop, headers=_bearer(key))
        for name, role in (("olive", "operator"), ("otto", "auditor"), ("shop", "service")):
            yield self._asking(name, role, 1, lambda: self._place(1), lambda: self._place(2))

    def _asking(self, name: str, role: Any, id: int, own: Callable[[], int], foreign: Callable[[], int]) -> Asking:
        orders = {"own": own, "foreign": foreign, "missing": lambda: MISSING}
        channel = f"{role}:{id}" if role in ("buyer", "seller") else "buyer:1"
        return Asking(name, role, _bearer(self.tokens.issue(role, id)), channel, orders)

    def _refused(self) -> Iterator[Asking]:
        yield Asking("nobody", "anonymous", {})
        for name, changes, key in (
            ("expired", {"exp": 1}, SECRET),
            ("another audience", {"aud": "elsewhere"}, SECRET),
            ("another issuer", {"iss": "somebody"}, SECRET),
            ("another key", {}, "another secret of more than 32 bytes"),
            ("unknown role", {"role": "root"}, SECRET),
        ):
            yield Asking(name, "refused", _bearer(jwt.encode(GOOD | changes, key, "HS256")))
        revoked = self.tokens.issue("operator", 1_000_001)
        revocations.revoke("operator:1000001", "a test", "")
        yield Asking("a revoked token", "refused", _bearer(revoked))
        id, key = api_keys.create(NewKey("a key", "operator", 1, tuple(guards.scopes())), "a test")
        api_keys.end(id, "a test", "")
        yield Asking("a revoked key", "refused", _bearer(key))
        yield Asking("an invented key", "refused", _bearer("onward_00000000_" + "x" * 43))
        yield Asking("no signature", "refused", _bearer(jwt.encode(GOOD, None, "none")))

    def _place(self, side: int) -> int:
        reply = self.cast.shop.post("/api/orders", new_order(side, side))
        return int(reply.json["id"])

    def _save_view(self, asking: Asking, target: str) -> int:
        mine = asking.channel if asking.kind in ("buyer", "seller") else f"{asking.kind}:1"
        values = {"owner": mine if target == "own" else "seller:77", "name": f"View {next(self._numbers)}"}
        with self.app.app_context():
            id = db.session.execute(SAVE_VIEW, values).scalar_one()
            db.session.commit()
        return int(id)

    def _start_bulk_change(self, asking: Asking, target: str) -> int:
        mine = asking.channel if asking.kind == "seller" else f"{asking.kind}:1"
        with self.app.app_context():
            id = db.session.execute(START_BULK_CHANGE, {"owner": mine if target == "own" else "seller:77"}).scalar_one()
            db.session.commit()
        return int(id)

    def _add_webhook(self, asking: Asking, target: str) -> int:
        """A seller's, or the marketplace's, which is everybody else's own."""
        mine = int(asking.channel.partition(":")[2]) if asking.kind == "seller" else MARKETPLACE
        with self.app.app_context():
            id = db.session.execute(ADD_WEBHOOK, {"seller": mine if target == "own" else 77}).scalar_one()
            db.session.commit()
        return int(id)

    def ask(self, case: dict[str, Any], asking: Asking, target: str) -> int:
        """The status that this principal gets."""
        method, _, path = case["route"].partition(" ")
        values = dict(case.get("fill", {}))
        if "{order_id}" in path:
            values["order_id"] = asking.orders.get(target, lambda: 1)()
        if "{view_id}" in path:
            values["view_id"] = MISSING if target == "missing" else self._save_view(asking, target)
        if "{webhook_id}" in path:
            values["webhook_id"] = MISSING if target == "missing" else self._add_webhook(asking, target)
        if "{bulk_change_id}" in path:
            values["bulk_change_id"] = MISSING if target == "missing" else self._start_bulk_change(asking, target)
        channel = asking.channel
        if target == "foreign":
            channel = f"{channel.partition(':')[0]}:{3 - int(channel.partition(':')[2])}"
        query = "?" + case["query"].format(channel=channel) if "query" in case else ""
        body = orjson.dumps(case.get("body")).replace(b"NUMBER", b"%d" % next(self._numbers))
        content: dict[str, Any] = {"data": body} if "body" in case else {}
        content |= {"data": case["form"]} if "form" in case else {}
        if "lines" in case:
            content = {"data": orjson.dumps(case["lines"]), "content_type": "application/x-ndjson"}
        client = self.app.test_client(use_cookies=False)
        with client.open(path.format(**values) + query, method=method, headers=asking.headers, **content) as answer:
            return answer.status_code


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def callers(app, cast, settings):
    return Callers(app, cast, settings)


def expectations(case):
    """Each target with what each kind of principal is answered."""
    if "open" in case:
        return {"answer": case["open"]}
    return {target: case[target] for target in TARGETS if target in case}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["route"])
def test_everybody_is_answered_what_the_matrix_says(callers, case):
    found = {}
    for target, expected in expectations(case).items():
        for asking in callers.everybody:
            wanted = expected if isinstance(expected, int) else expected.get(asking.name, expected[asking.kind])
            status = callers.ask(case, asking, target)
            if status != wanted:
                found[f"{asking.name}, {target}"] = f"{status} instead of {wanted}"

    assert {} == found


def test_a_key_can_do_nothing_that_it_has_no_scope_for(app, callers):
    """Not even where its role could do everything; who it is, it may always ask."""
    with app.app_context():
        _, key = api_keys.create(NewKey("a key", "operator", 1, ("nothing:read",)), "a test")
    asking = callers._asking("a key", "operator", 1, lambda: callers._place(1), lambda: callers._place(2))
    asking = dataclasses.replace(asking, headers=_bearer(key))

    allowed = {
        case["route"]
        for case in CASES
        for target in expectations(case)
        if "open" not in case and callers.ask(case, asking, target) not in (401, 403)
    }

    assert {"GET /", "GET /api/me"} == allowed


def test_every_route_stands_in_the_matrix(app):
    """A new route has to say who may use it."""
    rules = {
        f"{method} {CONVERTER.sub('{', rule.rule).replace('>', '}')}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert rules == {case["route"] for case in CASES}


def test_the_matrix_is_large_enough_to_mean_something(callers):
    assert LEAST_CELLS <= sum(len(expectations(case)) * len(callers.everybody) for case in CASES)
