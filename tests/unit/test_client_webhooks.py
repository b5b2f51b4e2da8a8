"""What our clients take for a webhook: the same in Python and JavaScript, and what the reference library signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
from datetime import UTC, datetime

import pytest
import standardwebhooks
from onward_client import Webhook, WebhookRefused

from tests.unit.test_version import PROJECT
from webhooks import signatures

SECRET, OLD, OTHER = ("whsec_" + base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))
NOW = 1_764_235_800
ID = "1764.17"
BODY = json.dumps({"type": "order.created", "at": "2026-11-27T09:30:00+00:00", "text": "ü"}, ensure_ascii=False)


def signed(secret=SECRET, body=BODY, id=ID, at=NOW):
    """As the reference library signs it."""
    moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None)
    return standardwebhooks.Webhook(secret).sign(id, moment, body)


def headers(signature=None, id=ID, at=NOW):
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signature or signed()}


RIGHT = signed()
VECTORS = {
    "what was sent": (True, headers(), BODY),
    "names in capitals": (True, {name.title(): value for name, value in headers().items()}, BODY),
    "five minutes old": (True, headers(signed(at=NOW - 300), at=NOW - 300), BODY),
    "five minutes ahead": (True, headers(signed(at=NOW + 300), at=NOW + 300), BODY),
    "two signatures, of which the second is right": (True, headers(f"{signed(OTHER)} {RIGHT}"), BODY),
    "two signatures, of which the first is right": (True, headers(f"{RIGHT} {signed(OTHER)}"), BODY),
    "an unknown version beside": (True, headers(f"v1a,xyz= v9,x {RIGHT}"), BODY),
    "by the old secret, during rotation": (True, headers(signed(OLD)), BODY),
    "by another secret": (False, headers(signed(OTHER)), BODY),
    "301 seconds old": (False, headers(signed(at=NOW - 301), at=NOW - 301), BODY),
    "301 seconds ahead": (False, headers(signed(at=NOW + 301), at=NOW + 301), BODY),
    "another time than was signed": (False, headers(at=NOW - 1), BODY),
    "another id than was signed": (False, headers(id="1764.18"), BODY),
    "one letter changed": (False, headers(), BODY.replace("created", "Created")),
    "a space more": (False, headers(), BODY + " "),
    "an unknown version of the right signature": (False, headers(RIGHT.replace("v1,", "v2,")), BODY),
    "no version": (False, headers(RIGHT.removeprefix("v1,")), BODY),
    "half a signature": (False, headers(RIGHT[:20]), BODY),
    "an empty signature": (False, headers("v1,"), BODY),
    "a signature that is no base64": (False, headers("v1,ü=!"), BODY),
    "no id": (False, {k: v for k, v in headers().items() if k != "webhook-id"}, BODY),
    "an empty id": (False, headers(id="", signature=signed(id="")), BODY),
    "no signature": (False, {k: v for k, v in headers().items() if k != "webhook-signature"}, BODY),
    "no time": (False, {k: v for k, v in headers().items() if k != "webhook-timestamp"}, BODY),
    "a time that is none": (False, headers(at="soon"), BODY),
    "a time in other digits": (False, headers(at="１７６４２３５８００"), BODY),
    "endless time": (False, headers(at="9" * 400), BODY),
    "nothing that is an event": (False, headers(signed(body="[1]"), ID), "[1]"),
    "no JSON": (False, headers(signed(body="{")), "{"),
}  # fmt: skip

IN_NODE = """
const [home, secrets, now, vectors] = process.argv.slice(1);
const { Webhook, WebhookRefused } = await import(home);
const webhook = new Webhook(JSON.parse(secrets));
async function taken([headers, body]) {
  try {
    const event = await webhook.verify(new TextEncoder().encode(body), headers, { now: Number(now) });
    return [event.id, event.type, event.data.text];
  } catch (error) {
    if (error instanceof WebhookRefused) return null;
    throw error;
  }
}
const results = await Promise.all(JSON.parse(vectors).map(taken));
const request = new Headers(JSON.parse(vectors)[0][0]); // as fetch and servers of the web platform have them
results.push((await webhook.verify(JSON.parse(vectors)[0][1], request, { now: Number(now) })).id);
for (const wrong of ["", "whsec_", "whsec_*", []]) {
  try { new Webhook(wrong); results.push("taken"); } catch (error) { results.push(error.constructor.name); }
}
console.log(JSON.stringify(results));
"""


@pytest.fixture(scope="module")
def in_javascript():
    """What came of each vector, in one process."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("nothing here runs JavaScript")
    home = PROJECT / "clients/javascript/src/webhooks.js"
    vectors = json.dumps([[fields, body] for _, fields, body in VECTORS.values()])
    arguments = [home, json.dumps([SECRET, OLD]), str(NOW), vectors]
    done = subprocess.run([node, "--input-type=module", "-e", IN_NODE, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", VECTORS)
def test_python_takes_what_was_sent_and_nothing_else(name):
    right, fields, body = VECTORS[name]
    webhook = Webhook([SECRET, OLD])

    if right:
        event = webhook.verify(body.encode(), fields, now=NOW)
        assert (ID, "order.created", "ü") == (event.id, event.type, event.data["text"])
    else:
        with pytest.raises(WebhookRefused):
            webhook.verify(body.encode(), fields, now=NOW)


@pytest.mark.parametrize("name", VECTORS)
def test_javascript_takes_the_same(in_javascript, name):
    right = VECTORS[name][0]

    assert ([ID, "order.created", "ü"] if right else None) == in_javascript[[*VECTORS].index(name)]


def test_javascript_reads_headers_of_the_web_and_refuses_what_is_no_secret(in_javascript):
    assert [ID, *["TypeError"] * 4] == in_javascript[len(VECTORS) :]


def test_the_vector_of_the_specification_is_right():
    secret, id, at = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    event = Webhook(secret).verify('{"test": 2432232314}', headers(signature, id, at), now=at)
    assert (id, 2432232314) == (event.id, event.data["test"])


@pytest.mark.parametrize("known", [SECRET, OLD])
def test_what_the_service_sends_is_taken_with_either_secret(known):
    """With the new one or the old one, while the endpoint has both; whole, or thin."""
    body = b'{"id":"order_17","type":"order.updated","version":3,"order":{"id":5},"event":{"id":17}}'
    sent = signatures.signed([signatures.secret_of(one) for one in (SECRET, OLD)], "order_17", NOW, body)

    event = Webhook(known).verify(body, sent, now=NOW)
    assert ("order_17", "order.updated", 5) == (event.id, event.type, event.order_id)
    assert (None, None) == (event.order, event.change)
    with pytest.raises(WebhookRefused):
        Webhook(OTHER).verify(body, sent, now=NOW)


def test_a_retired_secret_is_refused():
    with pytest.raises(WebhookRefused):
        Webhook(SECRET).verify(BODY, headers(signed(OLD)), now=NOW)


def test_the_clock_is_asked_if_no_time_is_given():
    with pytest.raises(WebhookRefused, match="too long ago"):
        Webhook(SECRET).verify(BODY, headers())
    at = int(datetime.now(UTC).timestamp())
    assert ID == Webhook(SECRET).verify(BODY, headers(signed(at=at), at=at)).id


@pytest.mark.parametrize("wrong", ["", "whsec_", "whsec_*", []])
def test_what_is_no_secret_is_refused_at_once(wrong):
    with pytest.raises(ValueError, match="secret"):
        Webhook(wrong)


def test_signatures_are_compared_in_constant_time(monkeypatch):
    """Each with each secret, whichever is right."""
    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    Webhook([SECRET, OLD]).verify(BODY, headers(f"{RIGHT} {signed(OTHER)}"), now=NOW)

    expected = base64.b64encode(
        hmac.digest(base64.b64decode(SECRET[6:]), f"{ID}.{NOW}.{BODY}".encode(), hashlib.sha256)
    )
    assert 4 == len(compared)
    assert expected in {one for _, one in compared}
