"""One shop, one buyer and one order of their own for each fault, and what it takes to bring a fault about."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from access import people
from notifications.email import MAIL_SERVER
from orders.effects.email import STATUS_MAIL
from process import Onward, onward_of
from realtime.subscriber import Subscriber
from tests.cast import Cast, Person, assemble
from tests.integration.conftest import Outbox, send_through
from tests.integration.mail.server import Hanging, MailServer
from tests.integration.webhook_receiver import Receiver

Sql = Callable[..., list[tuple[Any, ...]]]

MOVES = (("PREPARING", "READY"), ("PREPARING", "SHIPPED"), ("READY", "SHIPPED"), ("SHIPPED", "DELIVERED"))
"""Changes by a seller of which the buyer gets an e-mail at once."""

DEAD_PROCESS = 900_000_001
"""No process has this number."""


@dataclass(frozen=True)
class Named:
    """What is asked, of which event, and the one right answer."""

    order_id: int
    kind: str
    to: str
    cause: str
    event_id: int | None = None


class FaultyMail(MailServer):
    """May refuse every e-mail alike, before a recipient is named."""

    refuses = ""

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.refuses:
            return self.refuses
        envelope.mail_from = address
        return "250 ok"


@contextmanager
def faulty_mail(port: int) -> Any:
    """Such a server on this port."""
    server = FaultyMail()
    controller = Hanging(server, hostname="127.0.0.1", port=port)
    controller.start()
    yield server
    controller.hang_up()
    controller.stop()


@dataclass
class World:
    """What all faults share: the application, its database, a mail server and a receiver of webhooks."""

    app: Flask
    without_mail: Flask
    settings: Any
    sql: Sql
    mail: FaultyMail
    receiver: Receiver
    shops: int = field(default=0)

    def scene(self, rng: Random) -> Scene:
        """A shop and a buyer that no other fault has."""
        self.shops += 10
        return Scene(self, rng, 100_000 + self.shops, self.app)

    def clear(self) -> None:
        """Nothing of a fault is left for the next."""
        for app in (self.app, self.without_mail):
            Outbox(onward_of(app), self.sql).run_until_idle()
        tables = ("side_effects", "outbox", "circuits", "circuit_changes", "webhook_endpoints", "digests")
        self.sql(";".join(f"DELETE FROM {table}" for table in tables))
        onward_of(self.app).engine.worker.circuits.forget()
        onward_of(self.app).engine.worker._lower_bounds.clear()
        self.mail.refuses, self.mail.answer = "", ""
        self.mail.recipients.clear()
        self.receiver.answers.clear()


class Scene:
    """The shop of one fault."""

    def __init__(self, world: World, rng: Random, id: int, app: Flask) -> None:
        self.world, self.rng, self.id, self.app = world, rng, id, app
        self.sql, self.mail, self.receiver = world.sql, world.mail, world.receiver
        self.cast: Cast = assemble(world.settings, send_through(app, world.settings).alice.send, id)
        self.order_id = 0
        self.number = ""

    @property
    def onward(self) -> Onward:
        return onward_of(self.app)

    def elsewhere(self, app: Flask) -> None:
        """Have everything happen in this application."""
        self.app = app
        self.cast = assemble(self.world.settings, send_through(app, self.world.settings).alice.send, self.id)

    # what people do

    def place(self, status: str = "PENDING", **more: Any) -> int:
        """A new order, as if it had got to this status; its effects have happened."""
        order = self.cast.place(**more)
        self.order_id, self.number = order["id"], order["number"]
        self.run()
        if status != "PENDING":
            self.sql("UPDATE orders SET status = %s WHERE id = %s", status, self.order_id)
        return self.order_id

    def move(self, to: str, person: Person | None = None, **more: Any) -> None:
        """Change the order; nothing has followed yet."""
        body = {"status": to} | more
        who = person or self.cast.bob
        reply = who.request("PATCH", f"/api/orders/{self.order_id}/status", body)
        assert reply.status == 200, reply

    def shipped(self, **more: Any) -> None:
        """A change of which the buyer gets an e-mail at once."""
        source, target = self.rng.choice(MOVES)
        self.place(source)
        self.move(target, **more)

    def chooses(self, who: Person, **body: Any) -> None:
        """Set somebody's preferences."""
        assert who.request("PUT", "/api/me/preferences", body).status == 200

    def hires(self, name: str) -> int:
        """An account of the shop."""
        with self.app.app_context():
            return people.add(f"{name}.{self.id}@example.org", name.title(), "seller", self.id).id

    def hook(self, person: Person | None = None, **changes: Any) -> int:
        """An endpoint, of the shop's if of nobody else's."""
        body = {"url": self.receiver.url, "event_types": ["*"]} | changes
        reply = (person or self.cast.bob).post("/api/webhooks", body)
        assert reply.status == 201, reply
        return int(reply.json["id"])

    def listens(self, person: Person) -> Subscriber:
        """A stream of this person."""
        realtime = self.onward.realtime
        subscriber = Subscriber(person.principal.who, (person.principal.who,))
        realtime.hub.add(subscriber)
        realtime.readers.opened(subscriber, None, self.head())
        realtime.readers.flush()
        return subscriber

    def leaves(self, subscriber: Subscriber, reason: str = "gone") -> None:
        """Its stream ends."""
        self.onward.realtime.feed.position = self.head()
        self.onward.realtime.hub.remove(subscriber, reason)
        self.onward.realtime.readers.flush()

    def head(self) -> int:
        """The newest number of the log."""
        return int(self.sql("SELECT coalesce(max(seq), 0) FROM realtime_packs")[0][0])

    # what the service does

    def write(self) -> None:
        """Complete the entries, and make no attempt."""
        while not self.onward.engine.writer.quiet:
            self.onward.engine.writer.flush()

    def run(self) -> None:
        """Complete the entries, and attempt what is due as often as something is."""
        outbox = Outbox(self.onward, self.sql)
        outbox.run_until_idle()
        while self.onward.engine.worker.look():
            outbox.run_until_idle()

    def time_passes(self) -> None:
        """Everything that waits is due."""
        self.sql("UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE status = 'pending'")
        self.run()

    def row(self, kind: str = STATUS_MAIL, **columns: Any) -> None:
        """A side effect of the latest event as it would stand then."""
        named = ", ".join(f"{name} = %s" for name in columns)
        changed = self.sql(
            f"""UPDATE side_effects SET {named} WHERE kind = %s AND order_id = %s AND event_id = (
                SELECT max(event_id) FROM side_effects WHERE order_id = %s AND kind = %s) RETURNING id""",
            *columns.values(),
            kind,
            self.order_id,
            self.order_id,
            kind,
        )
        assert len(changed) == 1, f"{kind} has no row"

    def circuit(self, destination: str, reason: str, state: str = "open") -> None:
        """A destination's circuit opens."""
        opened = "INSERT INTO circuits (destination, state, until) VALUES (%s, %s, %s)"
        self.sql(opened, destination, state, later(30))
        changed = "INSERT INTO circuit_changes (destination, state, reason) VALUES (%s, %s, %s)"
        self.sql(changed, destination, state, reason)

    def breaks_mail(self) -> None:
        """The circuit of the mail server opens, by calls that failed."""
        failed = self.rng.randint(10, 40)
        self.circuit(MAIL_SERVER, f"{failed} of {failed + self.rng.randint(0, 9)} calls just failed")

    # what is asked

    def email(self, cause: str, to: str = "") -> Named:
        """Why the buyer's e-mail, or that of somebody else, is where it is."""
        return Named(self.order_id, "email", to or f"buyer:{self.id}", cause)

    def inbox(self, side: str, cause: str) -> Named:
        return Named(self.order_id, "inbox", f"{side}:{self.id}", cause)

    def webhook(self, endpoint: int, cause: str) -> Named:
        return Named(self.order_id, "webhook", f"webhook:{endpoint}" if endpoint else "", cause)


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
