"""Secrets in the database: none in clear, and all under a new key after a rotation that nobody notices."""

from __future__ import annotations

import base64
from contextlib import closing

import psycopg2
import pytest

from process import onward_of
from tests.integration.webhook_receiver import receiving
from webhooks import commands, rotation
from webhooks.secrets_at_rest import Keyring
from webhooks.signatures import new_secret, secret_of

CANARY = "Bearer canary-of-a-header"
OLD, NEW = ("old", b"o" * 32), ("new", b"n" * 32)


def forms(*canaries):
    """How each of them could lie somewhere: as it is, in base64, in hexadecimal digits."""
    for canary in canaries:
        raw = secret_of(canary) if canary.startswith("whsec_") else canary.encode()
        yield from (canary.removeprefix("whsec_"), base64.b64encode(raw).decode(), raw.hex())


def dump(sql):
    """Every row of every table, as text."""
    tables = sql("SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'")
    return "\n".join(text for (table,) in tables for (text,) in sql(f"SELECT t::text FROM {table} t"))


def test_after_a_run_no_secret_is_in_the_database_in_clear(cast, bob, olive, sql, outbox, onward):
    """Nor in what an idempotency key repeats, nor in the log of attempts."""
    with receiving() as receiver:
        wanted = {"url": receiver.url, "event_types": ["*"], "headers": {"Authorization": CANARY}}
        made = bob.request("POST", "/api/webhooks", wanted, headers={"Idempotency-Key": "once"}).json
        rotated = bob.post(f"/api/webhooks/{made['id']}/secret", {"keep_days": 1}).json
        key = olive.post("/api/ops/keys", {"name": "warehouse", "id": 1, "scopes": ["orders:read"]}).json["key"]
        cast.place()
        outbox.run_until_idle()
        while onward.engine.worker.look():
            outbox.run_until_idle()
        assert CANARY in receiver.got[0].headers.values(), "it was decrypted to be sent"

    text = dump(sql)
    assert made["url"] in text
    assert [] == [one for one in forms(made["secret"], rotated["secret"], CANARY, key) if one in text]


@pytest.fixture
def many(sql, onward):
    """A thousand endpoints under the old key, a third with a secret that is being replaced; their secrets by id."""
    keyring, secrets = Keyring([OLD]), [new_secret() for _ in range(1000)]
    rows = [
        (keyring.encrypt(one), keyring.encrypt(one[::-1]) if not number % 3 else None, keyring.encrypt(b"{}"))
        for number, one in enumerate(secrets)
    ]
    sql(
        """INSERT INTO webhook_endpoints (seller_id, url, event_types, thin, headers, secret, previous_secret, disabled)
        SELECT 7, 'https://shop.com/', '{*}', false, h, s, p, true
        FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS t (s, p, h, n) ORDER BY n""",
        *map(list, zip(*rows, strict=True)),
    )
    ids = [id for (id,) in sql("SELECT id FROM webhook_endpoints ORDER BY id")]
    return dict(zip(ids, secrets, strict=True))


def stored(sql):
    return sql("SELECT id, secret, previous_secret, headers FROM webhook_endpoints ORDER BY id")


def test_a_thousand_endpoints_get_the_new_key_and_keep_their_secrets(app, sql, many):
    with app.app_context():
        assert (1000, []) == rotation.encrypt_again(Keyring([NEW, OLD]))
        assert (0, []) == rotation.encrypt_again(Keyring([NEW, OLD])), "nothing is left to do"

    after = Keyring([NEW])  # the old one is gone
    for id, secret, previous, headers in stored(sql):
        assert (many[id], b"{}") == (after.decrypt(secret), after.decrypt(headers))
        assert previous is None or many[id][::-1] == after.decrypt(previous)


def test_what_somebody_is_changing_is_named_and_left_alone(app, sql, many, settings):
    """An owner who replaces a secret at that moment: nobody waits, and what was written stays."""
    sql("DELETE FROM webhook_endpoints WHERE id > %s", min(many) + 1)
    changed = Keyring([OLD]).encrypt(b"the new one, chosen just now")
    with closing(psycopg2.connect(settings.dsn)) as owner, app.app_context():
        owner.cursor().execute("UPDATE webhook_endpoints SET secret = %s WHERE id = %s", (changed, min(many)))
        assert (1, [min(many)]) == rotation.encrypt_again(Keyring([NEW, OLD]))
        owner.commit()
        assert (1, []) == rotation.encrypt_again(Keyring([NEW, OLD]))

    assert b"the new one, chosen just now" == Keyring([NEW]).decrypt(stored(sql)[0][1])


def test_a_secret_under_a_key_that_is_gone_is_named_and_left_alone(app_with, sql, many):
    sql("DELETE FROM webhook_endpoints WHERE id > %s", min(many) + 1)
    before = stored(sql)
    app = app_with(webhook_secret_keys=(NEW,))
    commands.init_app(app, onward_of(app).settings)
    done = app.test_cli_runner().invoke(args=["webhooks", "rotate-keys"])

    assert 1 == done.exit_code
    assert f"2 were changed meanwhile, or have a key that is missing: {min(many)}, {min(many) + 1}" in done.output
    assert before == stored(sql)
