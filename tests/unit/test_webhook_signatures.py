"""Signatures as Standard Webhooks has them, checked by its own library."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.signatures import new_secret, secret_of, secret_text, signed

BODY = '{"type":"order.status_changed","name":"Zoë"}'.encode()


def verify(secret, headers, body=BODY):
    return Webhook(secret_text(secret)).verify(body, headers, json_parse=False)


def test_the_example_of_the_specification_is_signed_as_it_says():
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, Signature scheme."""
    secret = secret_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_of_two_secrets_verifies_and_a_third_does_not():
    old, new, other = new_secret(), new_secret(), new_secret()
    headers = signed([new, old], "order.1", int(time.time()), BODY)

    verify(old, headers)
    verify(new, headers)
    with pytest.raises(WebhookVerificationError):
        verify(other, headers)


@pytest.mark.parametrize("change", ["id", "timestamp", "body"])
def test_a_changed_delivery_does_not_verify(change):
    secret, now = new_secret(), int(time.time())
    headers, body = signed([secret], "order.1", now, BODY), BODY
    if change == "id":
        headers["webhook-id"] = "order.2"
    if change == "timestamp":
        headers["webhook-timestamp"] = str(now + 1)
    if change == "body":
        body = body.replace(b"Zo", b"zo")

    with pytest.raises(WebhookVerificationError):
        verify(secret, headers, body)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_replay_after_five_minutes_does_not_verify(seconds):
    secret = new_secret()

    with pytest.raises(WebhookVerificationError):
        verify(secret, signed([secret], "order.1", int(time.time()) + seconds, BODY))


def test_the_text_of_a_secret_leads_back_to_it():
    secret = new_secret()

    assert secret == secret_of(secret_text(secret))
    assert len({new_secret() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "whsec_####",
        base64.b64encode(b"x" * 32).decode(),
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
        "whsec_ü",
    ],
)
def test_any_other_text_is_no_secret(text):
    with pytest.raises(ValueError, match="A secret is whsec_"):
        secret_of(text)
