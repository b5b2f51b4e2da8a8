"""What a mail server that takes connections and never says a word does to the answers, beside one that is well."""

from __future__ import annotations

import socket
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.contender import HttpContender, free_port, gunicorn
from benchmarks.database import Database, Server
from benchmarks.report import LEGEND, Report, figure, load_average, markdown, method, table
from benchmarks.slices import Pace, interleave, running

LEVELS = (8,)
ALLOWED = 1.10
"""The answers' p99 may rise by this factor."""

WELL, HANGS = "the mail server is well", "the mail server hangs"


def run(server: Server, report: Report, pace: Pace, orders: int) -> None:
    """Measure both, with every change promising an e-mail."""
    template = server.create("template", orders)
    with closing(socket.create_server(("127.0.0.1", 0), backlog=512)) as mute, tempfile.TemporaryDirectory() as folder:
        # Nobody ever accepts here: the kernel says hello, and that is all that is ever said.
        well, hangs = free_port(), mute.getsockname()[1]
        mails = (sys.executable, "-m", "chaos.mail_server", str(well), str(Path(folder, "mails")))
        contenders = [
            _mailing(WELL, well, server.create("well", orders, like=template), [mails]),
            _mailing(HANGS, hangs, server.create("hangs", orders, like=template), []),
        ]
        before = load_average()
        with running(contenders):
            results = interleave(server, contenders, LEVELS, pace)
    p50 = results.ratio(HANGS, WELL, 8, lambda one: one.load.p50)
    p99 = results.ratio(HANGS, WELL, 8, lambda one: one.load.p99)
    verdict = "unchanged within 10 %" if p99 <= ALLOWED else "SLOWER"
    report.add(
        "Answers with 8 at once while the mail server hangs, as a multiple of those while it is well:",
        markdown(("p50", "p99", "verdict on the p99"), [(figure(p50), figure(p99), verdict)]),
        table(results, contenders, LEVELS),
        method(results, pace, orders, (before, load_average())),
        LEGEND,
    )


def _mailing(name: str, port: int, database: Database, helpers: Sequence[Sequence[str]]) -> HttpContender:
    env = {"SMTP_URL": f"smtp://127.0.0.1:{port}"}
    return HttpContender(name, database, command=gunicorn("benchmarks.counting_wsgi"), helpers=helpers, env=env)
