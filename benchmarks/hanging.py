"""The effect of a mail server that accepts connections and never replies on response times, beside one that works."""

from __future__ import annotations

import socket
import sys
import tempfile
from contextlib import closing
from operator import attrgetter
from pathlib import Path
from typing import Any

from benchmarks.contender import HttpContender, free_port, gunicorn
from benchmarks.database import Rows, Server
from benchmarks.report import LEGEND, Report, figure, load_average, markdown, method, table
from benchmarks.slices import Pace, interleave, running

LEVELS = (8,)
ALLOWED = 1.10
"""The p99 of the responses may rise by this factor."""

WELL, PARKED, HANGS = "the mail server works", "its circuit is paused", "the mail server hangs"

PAUSE = "INSERT INTO circuits (destination, paused) VALUES ('mail-server', true) ON CONFLICT DO NOTHING"
UNSENT = "SELECT EXISTS (SELECT FROM side_effects WHERE kind = 'email.status' AND status IN ('pending', 'running'))"


class Parked(HttpContender):
    """A service that writes the same entries and makes no calls: the control for a hanging destination."""

    def prepare(self) -> None:
        super().prepare()
        self.database.run(PAUSE)


class Mailing(HttpContender):
    """A service whose slice ends when its e-mails are sent too: otherwise it would go on in the next one's."""

    def is_done(self, expected: Rows) -> bool:
        return super().is_done(expected) and not self.database.run(UNSENT)[0][0]


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure all three, with every change causing an e-mail."""
    template = server.create("template", orders)
    with closing(socket.create_server(("127.0.0.1", 0), backlog=512)) as mute, tempfile.TemporaryDirectory() as folder:
        # Nothing accepts here: the kernel completes the handshake, and nothing is ever sent.
        well, hangs = free_port(), mute.getsockname()[1]
        mails = (sys.executable, "-m", "chaos.mail_server", str(well), str(Path(folder, "mails")))
        contenders = [
            Mailing(WELL, server.create("well", orders, like=template), helpers=[mails], **_sending_to(well)),
            Parked(PARKED, server.create("parked", orders, like=template), **_sending_to(hangs)),
            HttpContender(HANGS, server.create("hangs", orders, like=template), **_sending_to(hangs)),
        ]
        before = load_average()
        with running(contenders):
            results = interleave(server, contenders, LEVELS, pace)
    lines = []
    for other in (PARKED, WELL):
        p50, p99 = (results.ratio(HANGS, other, 8, attrgetter(f"load.{name}")) for name in ("p50", "p99"))
        lines.append((other, figure(p50), figure(p99), "no slower within 10 %" if p99 <= ALLOWED else "SLOWER"))
    report.add(
        "Answers with 8 at once while the mail server hangs, as a multiple of those while:",
        markdown(("", "p50", "p99", "verdict on the p99"), lines),
        "The service with a working mail server also sends its e-mails, and pays for that.",
        table(results, contenders, LEVELS),
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )


def _sending_to(port: int) -> dict[str, Any]:
    return {"command": gunicorn("benchmarks.counting_wsgi"), "env": {"SMTP_URL": f"smtp://127.0.0.1:{port}"}}
