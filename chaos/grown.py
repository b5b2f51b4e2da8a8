"""grown: every table has grown; the service starts on them, and every route, page and command is timed."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from click.testing import Result
from flask import Flask

from access.principal import Role
from app import build_app
from chaos.database import Server
from chaos.filling import BUYER, SHOP, fill
from chaos.report import Report
from chaos.world import World
from cli import init_commands
from foundation import clock
from foundation.openapi import operations
from foundation.settings import Settings
from notifications.unsubscribing import Unsubscribing
from process import onward_of

WHO: dict[Role, int] = {"seller": SHOP, "buyer": BUYER, "operator": 1, "service": 1}
HELD = 20
"""Seconds after which a response is given up."""

ORDER = """INSERT INTO orders (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor,
        currency)
    VALUES ('A-1001', 'PENDING', 1, 1, 'Alice Archer', 'alice@example.org',
        '[{"sku":"MUG","title":"Blue mug","quantity":1,"unit_price_minor":1250}]', 1250, 'EUR') RETURNING id"""
PERSON = """INSERT INTO people (email, name, role, principal_id, session_key)
    VALUES (%s || '@shop.example', 'Somebody', %s, %s, 'grown-' || %s)"""

NEVER_ENDS = ("/api/stream", "/t/{link}/stream")
FORMS = (
    *("auth.", "forms.", "order_forms.", "bulk_pages.", "view_pages.", "tracking_page.", "unsubscribe.", "support."),
    *("settings_pages.", "shop_page.", "webhook_pages.", "preference_pages.", "ops_pages.", "ops_effects_pages."),
)
"""Forms do what the API does, or ask for a password; one click that unsubscribes is sent apart."""

LAST = ("/api/notifications/read", "/api/ops/personal-data/erase")
"""These leave fewer rows than before."""

LONG = (*LAST, "personal-data", "people export", "people erase", "verify", "redeliver", "discard", "workflow align")
"""These requests concern many rows, which are read or written in chunks."""

COMMANDS = (
    "keys list",
    "keys revoke 1",
    "keys add --name one --id 1 --scope orders:read",
    "people list",
    "people disable 7@example.org --reason left",
    "people enable 7@example.org",
    "revoke --role seller --id 77",
    "revoke --token-id abc",
    "side-effects list",
    "side-effects list --status dead",
    "side-effects groups",
    "side-effects circuits",
    "side-effects actions",
    "side-effects pause mail-server --reason a",
    "side-effects resume mail-server --reason a",
    "side-effects verify --hours 1",
    "side-effects redeliver --kind email.status",
    "side-effects discard --kind email.status --reason a",
    "webhooks list",
    "workflow align",
    "people export 2",
    "people erase 2 --reason asked --yes",
)


@dataclass
class Asking:
    """Everything that was requested, and how long it took."""

    world: World
    app: Flask
    order: int
    seconds: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    _keys: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: Any = None, who: str = "") -> bytes:
        """One request on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.world.service.port, timeout=HELD)
        name, begun = f"{method} {path[:90]} {who}".strip(), clock.monotonic()
        try:
            lines = isinstance(body, str)
            data = body.encode() if lines else orjson.dumps(body) if body is not None else None
            media = "application/x-ndjson" if lines else "application/json"
            connection.request(method, path, data, {"Content-Type": media, **headers})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 500:
                self.broken[name] = f"{answer.status} {text[:200]!r}"
            return text
        except OSError as error:
            self.broken[name] = type(error).__name__
            return b""
        finally:
            connection.close()
            self.seconds[name] = clock.monotonic() - begun

    def operation(self, path: str, method: str, operation: Mapping[str, Any]) -> None:
        """One operation of the contract, as every role; a read with each of its parameters too."""
        path = self._filled(path)
        given = [one for one in operation.get("parameters", ()) if one["in"] == "query"]
        queries = [{}] + [{one["name"]: one["example"]} for one in given if "example" in one]
        needed = {one["name"]: one["example"] for one in given if one.get("required")}
        for role in WHO:
            for query in queries if method == "get" and role in ("seller", "operator") else [{}]:
                asked = needed | {name: value for name, value in query.items() if value is not None}
                self.ask(method.upper(), _with(path, asked), self._proof(role), self._body(path, operation), role)

    def page(self, path: str, role: Role) -> None:
        """One page, as a signed-in user with this role."""
        self.ask("GET", path, {"Accept": "text/html", "Cookie": self._cookie(role)}, who=f"page, {role}")

    def command(self, line: str) -> None:
        """One command, in this process: its statements take the time."""
        begun = clock.monotonic()
        result: Result = self.app.test_cli_runner().invoke(args=line.split())
        self.seconds[f"flask {line}"] = clock.monotonic() - begun
        if result.exit_code > 1 or (result.exception and not isinstance(result.exception, SystemExit)):
            self.broken[f"flask {line}"] = f"{result.exit_code} {result.exception!r} {result.output[-200:]}"

    def _filled(self, path: str) -> str:
        """The path with this order's id, and with 1 for every other."""
        return re.sub(r"\{\w+\}", "1", path.replace("{order_id}", str(self.order)))

    def _proof(self, role: Role) -> dict[str, str]:
        token = self.world.service.token(role, WHO[role])
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": f"grown-{next(self._keys)}"}

    def _body(self, path: str, operation: Mapping[str, Any]) -> Any:
        for media in operation.get("requestBody", {}).get("content", {}).values():
            if isinstance(media["example"], str):
                return media["example"]
            body = dict(media["example"])
            if path == LAST[0]:
                body["up_to"] = 2**53 - 1
            return body | ({"number": f"N-{next(self._keys)}"} if "number" in body else {})
        return None

    def _cookie(self, role: Role) -> str:
        now = int(clock.unix_seconds())
        held = {"_user_id": f"grown-{role}", "_fresh": True, "since": now, "seen": now, "name": "grown"}
        signer = self.app.session_interface.get_signing_serializer(self.app)  # type: ignore[attr-defined]
        return f"onward_session={signer.dumps(held)}"


def grown(server: Server, report: Report) -> None:
    """grown: no table is read as a whole, not even at start, and nothing comes near a statement timeout."""
    size, large = report.either((20_000, 100_000), (1_000_000, 10_000_000))
    world = World(server, report, RETENTION_HOURS="24")
    for role, id in WHO.items():
        if role != "service":
            world.database.sql(PERSON, role, role, id, role)
    order = world.database.number(ORDER)
    begun = clock.monotonic()
    report.tell("rows in the tables", fill(world.database, size, large, order))
    report.tell("filled in", clock.monotonic() - begun, "s")
    begun = clock.monotonic()
    with world:
        took = clock.monotonic() - begun
        report.check("a start until all workers are ready", took, "s", at_most=5)
        app = build_app(Settings.from_env(world.service.env))
        init_commands(app)
        asking = Asking(world, app, order)
        try:
            _ask_everything(asking, report)
            _tell(asking, report)
        finally:
            onward_of(app).stop()


def _ask_everything(asking: Asking, report: Report) -> None:
    document = orjson.loads(asking.ask("GET", "/openapi.json", {}))
    listed = [one for one in operations(document) if one[0] not in NEVER_ENDS]
    for path, method, operation in sorted(listed, key=lambda one: (one[0] in LAST, one[1] != "get")):
        asking.operation(path, method, operation)
    answer = asking.ask(
        "POST", f"/api/orders/{asking.order}/tracking-links", asking._proof("seller"), {"days": 30}, "link"
    )
    link = orjson.loads(answer).get("url", "/t/x").partition("/t/")[2]
    link = quote(link)
    stop = Unsubscribing(onward_of(asking.app).settings).link("buyer:7", "SHIPPED").rpartition("/")[2]
    asking.ask("POST", f"/unsubscribe/{stop}", {})
    asked = {path for path, _, _ in listed} | {*NEVER_ENDS}
    missed = 0
    for rule in asking.app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)
        if path in asked or rule.endpoint in ("static", "assets.by_digest"):
            continue
        if "GET" in (rule.methods or ()):
            _ask_for_page(asking, path, {"link": link, "token": stop})
        elif not rule.endpoint.startswith(FORMS):
            missed += 1
    for line in COMMANDS:
        asking.command(line)
    report.check("routes that were not requested", missed, at_most=0)


def _ask_for_page(asking: Asking, path: str, proofs: Mapping[str, str]) -> None:
    roles: tuple[Role, ...] = ("seller", "operator", "buyer")
    for role in roles:
        filled = defaultdict(lambda: "1", side=role, order_id=asking.order, **proofs)
        asking.page(path.format_map(filled), role)


def _tell(asking: Asking, report: Report) -> None:
    report.tell("requests and commands", len(asking.seconds))
    report.check("answered with 5xx, or not at all", len(asking.broken), at_most=0)
    page = asking.seconds["GET /api/webhooks/1/attempts seller"]
    report.check("a page of the log of an endpoint that has all attempts", page, "s", at_most=report.either(0.5, 0.1))
    timeouts = asking.world.service.log.count("statement timeout")
    report.check("statements that hit their timeout", timeouts, at_most=0)
    slowest = sorted(asking.seconds.items(), key=lambda one: -one[1])
    quick = [(name, seconds) for name, seconds in slowest if not any(one in name for one in LONG)]
    report.check("the slowest request took", quick[0][1], "s", at_most=2)
    report.check("the slowest chunked operation took", slowest[0][1], "s", at_most=30)
    for name, seconds in slowest[:8]:
        report.remark(f"{seconds:.2f} s: {name}")
    for name, said in asking.broken.items():
        report.remark(f"{name}: {said}")


def _with(path: str, query: Mapping[str, Any]) -> str:
    return f"{path}?{urlencode(query, doseq=True)}" if query else path
