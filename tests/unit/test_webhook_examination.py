"""`flask webhooks examine`: right receivers pass, and each mistake of a wrong one is found, and no other."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest
from flask import Flask

from foundation.settings import Settings
from tests.conftest import PROJECT, SECRET
from tests.unit.webhook_servers import receiving
from webhooks import commands
from webhooks.examination import LARGE_BYTES, points
from webhooks.signatures import new_secret, secret_text

FOLDER = PROJECT / "docs" / "receivers"
SETTINGS = Settings.from_env({"DATABASE_URL": "postgresql://nobody@nowhere/none", "JWT_SECRET": SECRET})
# A fixed one: its text names tests, and each process of a run has to name them alike.
SECRET_TEXT = secret_text(bytes(range(32)))


def sample():
    spec = importlib.util.spec_from_file_location("sample_receiver", FOLDER / "receiver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def examined(url, *options, secret=SECRET_TEXT):
    """The exit status and the lines of the command."""
    app = Flask("examiner")
    commands.init_app(app, SETTINGS)
    done = app.test_cli_runner().invoke(args=["webhooks", "examine", url, *options], env={"WEBHOOK_SECRET": secret})
    return done.exit_code, done.output.splitlines()


def wrong(lines):
    return {line[6:].partition(":")[0] for line in lines if line.startswith("WRONG ")}


@contextmanager
def started(inbox, *command):
    """A sample receiver in a process of its own; its URL is the first line that it prints."""
    env = {"PATH": os.environ["PATH"], "WEBHOOK_SECRET": SECRET_TEXT, "PORT": "0", "INBOX": str(inbox)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=FOLDER) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.fixture
def inbox(tmp_path):
    return tmp_path / "inbox.sqlite3"


@pytest.mark.parametrize("language", ["python", "node"])
def test_the_sample_receivers_pass(language, inbox):
    if language == "node" and not shutil.which("node"):
        pytest.skip("needs node")
    command = ("node", "receiver.mjs") if language == "node" else (sys.executable, "receiver.py")
    with started(inbox, *command) as url:
        status, lines = examined(url)

    assert (0, set()) == (status, wrong(lines))
    assert "17 right, 0 wrong, 0 that cannot be seen from outside." == lines[-1]


class Careless:
    """The sample receiver with one mistake."""

    def __init__(self, inbox, mistake):
        self.module, self.mistake = sample(), mistake
        self.inbox = self.module.Inbox(inbox)
        self.last = {}

    def __call__(self, connection, request):
        head, _, body = request.partition(b"\r\n\r\n")
        pairs = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        status, members = self.answer({name.lower(): value for name, value in pairs}, body)
        text = json.dumps(members).encode()
        connection.sendall(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (status, len(text), text))

    def answer(self, headers, body):
        right = partial(self.module.answer, SECRET_TEXT, self.inbox)
        return MISTAKES[self.mistake][0](self, right, headers, body)


def event_of(body):
    return json.loads(body)


def trusting(careless, right, headers, body):
    """Verifies nothing."""
    return 200, {"handled": careless.inbox.take(event_of(body), time.time())}


def timeless(careless, right, headers, body):
    """Takes every timestamp for one of now."""
    verify = careless.module.verify
    then = int(headers["webhook-timestamp"])
    careless.module.verify = lambda secret, headers, body, now: verify(secret, headers, body, then)
    try:
        return right(headers, body)
    finally:
        careless.module.verify = verify


def parsing(careless, right, headers, body):
    """Verifies something else than what has arrived."""
    status, members = right(headers, body.replace(b'"version":4', b'"version":3'))
    return (status, members) if status == 200 else right(headers, body)


def forgetful(careless, right, headers, body):
    """Acts on each delivery, however often it comes."""
    status, members = right(headers, body)
    seen = status == 200 and headers["webhook-id"] in careless.last
    careless.last[headers["webhook-id"]] = body
    return status, {"handled": True} if seen else members


def strict(careless, right, headers, body):
    """Refuses what it has seen: each retry after a lost answer fails, until the endpoint is disabled."""
    seen = headers["webhook-id"] in careless.last
    careless.last[headers["webhook-id"]] = body
    return (409, {}) if seen else right(headers, body)


def first_only(careless, right, headers, body):
    """Looks at the first signature only."""
    first = headers.get("webhook-signature", "").split(" ")[0]
    return right({**headers, "webhook-signature": first}, body)


def any_version(careless, right, headers, body):
    """Takes every version for v1."""
    return right({**headers, "webhook-signature": headers.get("webhook-signature", "").replace("v2,", "v1,")}, body)


def choking(careless, right, headers, body):
    """Breaks at a version that it does not know."""
    if "v2," in headers.get("webhook-signature", ""):
        return 500, {}
    return right(headers, body)


def backwards(careless, right, headers, body):
    """Writes down whatever comes last."""
    status, members = right(headers, body)
    return status, {"handled": True} if status == 200 and event_of(body)["version"] == 4 else members


def closed(careless, right, headers, body):
    """Knows its event types, and refuses others."""
    return (422, {}) if event_of(body)["type"] not in careless.module.KNOWN else right(headers, body)


def needing(careless, right, headers, body):
    """Needs the whole order."""
    return right(headers, body) if "status" in event_of(body)["order"] else (500, {})


def small(careless, right, headers, body):
    """nginx with a small client_max_body_size."""
    return (413, {}) if len(body) >= LARGE_BYTES else right(headers, body)


def slow(careless, right, headers, body):
    """Does the work before it answers."""
    threading.Event().wait(0.02)
    return right(headers, body)


def broken(careless, right, headers, body):
    """Fails instead of refusing."""
    status, members = right(headers, body)
    return (500, {}) if status == 400 else (status, members)


REFUSALS = {
    *("stale by 10 minutes", "from the future", "tampered body", "wrong secret", "unsigned"),
    "unknown version prefix alone",
}
MISTAKES = {
    "none": (lambda careless, right, headers, body: right(headers, body), set()),
    "verifies nothing": (trusting, REFUSALS),
    "knows no time": (timeless, {"stale by 10 minutes", "from the future"}),
    "signs something else": (parsing, {"tampered body"}),
    "acts twice": (forgetful, {"replayed", "duplicate id"}),
    "refuses repetitions": (strict, {"duplicate id"}),
    "reads the first signature": (
        first_only,
        {"two signatures, the second is right", "unknown version prefix beside v1"},
    ),
    "takes any version": (any_version, {"unknown version prefix alone"}),
    "knows one version": (choking, {"unknown version prefix beside v1", "unknown version prefix alone"}),
    "keeps the last": (backwards, {"out of order"}),
    "knows its types": (closed, {"unknown event type"}),
    "needs the order": (needing, {"thin payload"}),
    "has a small limit": (small, {"64 KB"}),
    "answers late": (slow, {"slow to accept"}),
    "fails instead of refusing": (broken, REFUSALS),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_and_no_other(mistake, inbox):
    careless = Careless(inbox, mistake)
    within = "0.01" if mistake == "answers late" else "5"
    with receiving(careless) as receiver:
        status, lines = examined(f"http://127.0.0.1:{receiver.port}/", "--within", within)

    expected = MISTAKES[mistake][1]
    assert expected == wrong(lines)
    assert (1 if expected else 0) == status


def test_every_point_can_be_found():
    named = {point.name for point in points(new_secret(), 0)} | {"slow to accept"}

    assert named - {"valid", "a newer version"} == set().union(*(expected for _, expected in MISTAKES.values()))


def test_a_receiver_that_does_not_say_what_it_did_passes_and_is_told_what_was_not_seen(inbox):
    def silent(connection, request):
        careless(Muted(connection), request)

    class Muted:
        def __init__(self, connection):
            self.connection = connection

        def sendall(self, answer):
            self.connection.sendall(b"HTTP/1.1 %s X\r\ncontent-length: 0\r\n\r\n" % answer.split(b" ")[1])

    careless = Careless(inbox, "none")
    with receiving(silent) as receiver:
        status, lines = examined(f"http://127.0.0.1:{receiver.port}/")

    assert 0 == status
    assert "13 right, 0 wrong, 4 that cannot be seen from outside." == lines[-1]


@pytest.mark.parametrize(
    ("url", "secret", "status", "text"),
    [
        ("http://10.0.0.1/", SECRET_TEXT, 1, "does not lead to a public address"),
        ("http://127.0.0.1:1/", SECRET_TEXT, 1, "No connection"),
        ("http://127.0.0.1:1/", "hunter2", 2, "A secret is whsec_"),
    ],
)
def test_what_cannot_be_examined_is_said_in_one_line(url, secret, status, text):
    code, lines = examined(url, secret=secret)

    assert status == code
    assert text in lines[-1]
    assert "hunter2" not in lines[-1]
