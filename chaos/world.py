"""Everything that a proof needs: a database, the service, a mail server, clients and readers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import gevent
import psutil

from access.principal import Role
from chaos.database import Server
from chaos.load import PATH, Load, Order
from chaos.mails import MailServer
from chaos.readers import Reader
from chaos.report import Report
from chaos.service import Service
from foundation import clock
from side_effects.liveness import LIVING

SIDES = 20
"""Sellers, and as many buyers, among whom the orders are spread."""

ORDERS = """WITH placed AS (
    INSERT INTO orders (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency)
    SELECT 'C-' || n || '-' || clock_timestamp(), 'PENDING', 1 + n %% %s, 1 + (n / 7) %% %s, 'Alice Archer',
        'alice@example.org', '[{"sku":"MUG","title":"Blue mug","quantity":1,"unit_price_minor":1250}]', 1250, 'EUR'
    FROM generate_series(1, %s) AS n RETURNING id, seller_id, buyer_id),
created AS (
    INSERT INTO order_events (order_id, version, type, to_status, actor_role, actor_id, seller_id, buyer_id,
        idempotency_key, request_id)
    SELECT id, 1, 'order.created', 'PENDING', 'service', 1, seller_id, buyer_id, 'placed-' || id, '' FROM placed)
SELECT id, seller_id, buyer_id FROM placed"""

NOTHING_OF = """SELECT NOT EXISTS (SELECT FROM outbox WHERE owner IN ({0}))
    AND NOT EXISTS (SELECT FROM side_effects WHERE status = 'running' AND owner IN ({0}))"""

DRAINED = """SELECT NOT EXISTS (SELECT FROM outbox)
    AND NOT EXISTS (SELECT FROM side_effects WHERE status IN ('pending', 'running') AND event_type <> 'timer')"""

WSGI = "chaos.receiving_wsgi:app"


class World:
    """The running parts of one proof."""

    def __init__(
        self,
        server: Server,
        report: Report,
        workers: int = 2,
        mail: bool = True,
        wsgi: str = WSGI,
        tablespace: str = "",
        **env: str,
    ) -> None:
        self.report = report
        self.database = server.fresh(tablespace)
        self._folder = Path(tempfile.mkdtemp(prefix="onward-chaos-"))
        self._signals = self._folder / "signals"
        self._signals.touch()
        self.mails = MailServer(self._folder)
        self.by_mail = mail
        env = {"CHAOS_SIGNALS": str(self._signals), "LOG_LEVEL": "WARNING", **env}
        if mail:
            env["SMTP_URL"] = self.mails.url
        self.service = Service(self.database.url, workers, wsgi, **env)
        self.readers: list[Reader] = []

    def __enter__(self) -> Self:
        try:
            self.service.start()
        except BaseException:
            self.__exit__()
            raise
        self.descriptors = self._descriptors()
        return self

    def __exit__(self, *_: object) -> None:
        for reader in self.readers:
            reader.stop()
        if log := os.environ.get("CHAOS_LOG"):
            Path(log).write_text(self.service.log)
        self.service.stop()
        self.mails.stop()
        self.database.drop()
        shutil.rmtree(self._folder)

    def orders(self, count: int) -> deque[Order]:
        """This many new orders."""
        return deque(Order(*row) for row in self.database.sql(ORDERS, SIDES, SIDES, count))

    def load(self, changes: int, per_second: float = 0.0, moves: tuple[str, ...] = PATH) -> Load:
        """Clients for at least this many changes; they still have to be started."""
        orders = self.orders(-(-changes // len(moves)))
        return Load(self.service, self.report.rng, orders, per_second, moves)

    def listen(self, count: int) -> None:
        """Start this many readers, as many sellers as buyers."""
        sides: tuple[Role, Role] = ("seller", "buyer")
        self.listen_to([(sides[number % 2], 1 + number // 2 % SIDES) for number in range(count)])

    def listen_to(self, people: Sequence[tuple[Role, int]]) -> None:
        """Start these readers."""
        for role, id in people:
            self.readers.append(Reader(self.service, role, id))
            self.readers[-1].start()
        while any(reader.begun_at < 0 for reader in self.readers):
            gevent.sleep(0.02)

    def drain(self, limit: float = 90.0) -> float:
        """Seconds until nothing is pending any more; infinity where that takes longer than the limit."""
        return self.database.seconds_until(DRAINED, limit)

    def living(self) -> set[int]:
        """The numbers of the live processes."""
        return {number for (number,) in self.database.sql(f"WITH {LIVING} SELECT owner FROM living")}

    def orphans_taken_over(self, before: set[int], limit: float = 30.0) -> float:
        """Seconds until nothing belongs any more to processes that have just been killed."""
        begun = clock.monotonic()
        while not (dead := before - self.living()) and clock.monotonic() - begun < 1:
            gevent.sleep(0.02)
        if not dead:
            return 0.0  # it was killed before it had started
        waited = clock.monotonic() - begun
        return waited + self.database.seconds_until(NOTHING_OF.format(", ".join(map(str, dead))), limit)

    def signalled(self) -> list[int]:
        """The events that the receiver was called with, as often as it was."""
        return [int(line) for line in self._signals.read_text().split()]

    def poisoned(self) -> list[int]:
        """The poisoned events, as often as a receiver got them."""
        return [int(line) for line in Path(f"{self._signals}.poison").read_text().split()]

    def catch_up(self, limit: float = 15.0) -> None:
        """Return when every reader has received what the log holds for it, or on timeout."""
        ends = clock.monotonic() + limit
        newest = dict(self.database.sql("SELECT channel, max(seq) FROM live_events GROUP BY channel"))
        while clock.monotonic() < ends and any(
            not reader.heard or reader.heard[-1].seq < newest[reader.channel]
            for reader in self.readers
            if newest.get(reader.channel, -1) > reader.begun_at
        ):
            gevent.sleep(0.02)

    def more_descriptors(self) -> int:
        """How many more files the busiest worker has open than the busiest had at the beginning."""
        return self._descriptors() - self.descriptors

    def _descriptors(self) -> int:
        return max((psutil.Process(pid).num_fds() for pid in self.service.workers()), default=0)
