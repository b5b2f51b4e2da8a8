"""A receiver of Onward's webhooks, with Python's standard library alone: copy it, and replace `act`.

    WEBHOOK_SECRET=whsec_... PORT=9000 python receiver.py

It verifies each delivery, keeps it, answers, and acts afterwards: on each event once, and on an order's newest version
only. What it keeps is in a file, so that it still knows after a restart.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE_SECONDS = 5 * 60
LARGEST_BODY = 1024 * 1024
KNOWN = {"order.created", "order.status_changed", "order.corrected", "order.updated", "message.created"}


class Refused(Exception):
    """A delivery that Onward did not send, or not now."""


def verify(secret, headers, body, now):
    """Raise Refused unless one of the signatures is right and the delivery is fresh. The bytes are those that arrived:
    JSON that is parsed and written again is other bytes."""
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id or not timestamp.isdecimal() or abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        raise Refused("no webhook-id, or a webhook-timestamp that is not of now")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    for signature in headers.get("webhook-signature", "").split():
        version, _, encoded = signature.partition(",")
        # Others than v1 are passed over. compare_digest takes the same time wherever they differ.
        if version == "v1" and hmac.compare_digest(encoded.encode(), base64.b64encode(expected)):
            return
    raise Refused("no signature that is right")


class Inbox:
    """What has arrived, in a file: each event once, of each order the newest version."""

    def __init__(self, path):
        self.path = path
        self.more = threading.Event()
        with self.transaction() as database:
            database.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, at REAL)")
            database.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, version INTEGER)")
            database.execute("CREATE TABLE IF NOT EXISTS work (number INTEGER PRIMARY KEY, event TEXT)")

    @contextmanager
    def transaction(self):
        with closing(sqlite3.connect(self.path, isolation_level="IMMEDIATE")) as database, database:
            yield database

    def take(self, event, now):
        """Keep an event, and return whether there is anything to do: all or nothing, in one transaction."""
        with self.transaction() as database:
            new = database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (event["id"], now)).rowcount
            if not new or event["type"] not in KNOWN:
                return False
            if event["type"] != "message.created":
                # Retries may come after newer events: an older version has nothing to say any more.
                newer = database.execute(
                    "INSERT INTO orders VALUES (?, ?) ON CONFLICT (id)"
                    " DO UPDATE SET version = excluded.version WHERE excluded.version > orders.version",
                    (event["order"]["id"], event["version"]),
                ).rowcount
                if not newer:
                    return False
            database.execute("INSERT INTO work (event) VALUES (?)", (json.dumps(event),))
            database.execute("DELETE FROM seen WHERE at < ?", (now - 7 * 24 * 3600,))  # retries end after three days
        self.more.set()
        return True

    def work(self):
        """Act on what was kept, for ever; what was not finished is done again after a restart."""
        while True:
            self.more.clear()
            with self.transaction() as database:
                kept = database.execute("SELECT number, event FROM work ORDER BY number").fetchall()
            for number, event in kept:
                act(json.loads(event))
                with self.transaction() as database:
                    database.execute("DELETE FROM work WHERE number = ?", (number,))
            self.more.wait()


def act(event):
    """Yours. With a thin payload, read the order by its id first."""
    print(event["type"], event["id"], flush=True)


def answer(secret, inbox, headers, body):
    """The status and the members of the answer."""
    try:
        now = time.time()
        verify(secret, headers, body, now)
        return 200, {"handled": inbox.take(json.loads(body), now)}
    except (Refused, ValueError) as error:
        return 400, {"error": str(error)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    secret = inbox = None

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            return self.say(413, {"error": "too long"})
        body = self.rfile.read(int(length))
        return self.say(*answer(self.secret, self.inbox, self.headers, body))

    def say(self, status, members):
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    Handler.secret = os.environ["WEBHOOK_SECRET"]
    Handler.inbox = Inbox(os.environ.get("INBOX", "webhooks.sqlite3"))
    threading.Thread(target=Handler.inbox.work, daemon=True).start()
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Handler)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()
