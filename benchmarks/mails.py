"""What keeping connections to the mail server spares: e-mails a second over kept ones, beside a new one for each."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contender import free_port
from benchmarks.database import PROJECT, Server
from benchmarks.report import Report, load_average, markdown
from benchmarks.slices import Pace
from notifications.email import Mail, Mailer
from notifications.kept_sessions import MAILS_PER_CONNECTION

PLAIN, ENCRYPTED = "in clear on the loopback", "STARTTLS and a password"
SENDER = "orders@shop.test"
CERTIFICATE = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
    *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
)


def run(_server: Server, report: Report, pace: Pace, _orders: int) -> None:
    """Send over both, in turns: one e-mail after another, as one of the sixteen greenlets of a process does."""
    before, rows = load_average(), []
    with TemporaryDirectory() as folder:
        for name, encrypted in ((PLAIN, False), (ENCRYPTED, True)):
            with _receiving(Path(folder), encrypted) as url:
                kept, fresh = _rates(url, pace)
            rows.append((name, f"{kept:,.0f}", f"{fresh:,.0f}", f"{kept / fresh:.1f}"))
    report.add(
        "E-mails a second, from one sender to a mail server in Python on the same machine:",
        markdown(("", f"up to {MAILS_PER_CONNECTION} over each connection", "one over each", "times"), rows),
        f"Medians over {pace.slices} slices of {pace.seconds:g} s each, in turns. Load average {before:.1f} before and "
        f"{load_average():.1f} after.",
    )


def _rates(url: str, pace: Pace) -> tuple[float, float]:
    mailers = [Mailer(url, SENDER, mails_per_connection=most) for most in (MAILS_PER_CONNECTION, 1)]
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(pace.slices):
        for mailer, found in zip(mailers, rates, strict=True):
            found.append(_rate(mailer, pace.seconds))
            mailer.close()
    return statistics.median(rates[0]), statistics.median(rates[1])


def _rate(mailer: Mailer, seconds: float) -> float:
    count, begun = 0, time.perf_counter()
    while time.perf_counter() < begun + seconds:
        outcome = mailer.send(Mail("alice@example.org", "Your order is on its way", "Hello.\n" * 40, f"mail.{count}"))
        assert outcome.kind == "succeeded", outcome
        count += 1
    return count / (time.perf_counter() - begun)


@contextmanager
def _receiving(folder: Path, encrypted: bool) -> Iterator[str]:
    """A mail server; the URL to reach it, with the trust in its certificate in the environment."""
    key, certificate, port = folder / "key.pem", folder / "certificate.pem", free_port()
    if encrypted:
        command = [*CERTIFICATE, "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        os.environ["SSL_CERT_FILE"] = str(certificate)
    words = [str(port), str(folder / "mails"), *([str(certificate), str(key)] if encrypted else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "chaos.mail_server", *words],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"smtp://shop:secret@localhost:{port}" if encrypted else f"smtp://localhost:{port}"
    finally:
        os.environ.pop("SSL_CERT_FILE", None)
        process.kill()
        process.wait()
