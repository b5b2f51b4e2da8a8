"""One-time tickets for clients that cannot send a header."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from process import onward_of


@pytest.fixture
def listen(app, empty):
    """Open a stream with a ticket and no other credential. Here no process follows the log, so it ends at once."""

    def listen(ticket, **query):
        return app.test_client().get("/api/stream", query_string={"ticket": ticket} | query).status_code

    return listen


def ticket_of(person):
    reply = person.post("/api/stream-tickets", None)
    assert (201, 30) == (reply.status, reply.json["seconds"])
    return reply.json["ticket"]


def test_a_ticket_opens_one_stream(cast, listen):
    ticket = ticket_of(cast.alice)

    assert [200, 401] == [listen(ticket), listen(ticket)]


def test_a_ticket_opens_one_stream_whoever_is_first(cast, listen):
    ticket = ticket_of(cast.alice)

    with ThreadPoolExecutor(4) as crowd:
        statuses = list(crowd.map(lambda _: listen(ticket), range(8)))

    assert [200, *[401] * 7] == sorted(statuses)


def test_a_ticket_is_too_old_after_half_a_minute(cast, listen, sql):
    ticket = ticket_of(cast.alice)
    sql("UPDATE stream_tickets SET expires_at = expires_at - interval '30 s'")

    assert 401 == listen(ticket)


def test_tickets_that_nobody_used_are_not_kept(cast, sql):
    ticket_of(cast.alice)
    sql("UPDATE stream_tickets SET expires_at = expires_at - interval '30 s'")
    ticket_of(cast.alice)

    assert [(1,)] == sql("SELECT count(*) FROM stream_tickets")


def test_a_ticket_is_kept_so_that_nobody_can_use_it(cast, sql):
    ticket = ticket_of(cast.alice)

    assert ticket not in str(sql("SELECT row_to_json(t), encode(hash, 'escape') FROM stream_tickets t"))


def test_a_ticket_hears_what_its_owner_may_hear(cast, listen):
    assert 403 == listen(ticket_of(cast.alice), channels=f"seller:{cast.bob.id}")
    assert 200 == listen(ticket_of(cast.alice), channels=f"buyer:{cast.alice.id}")


@pytest.mark.parametrize("ticket", ["", "x", "\x00", "é" * 50, "x" * 9000], ids=["empty", "short", "NUL", "é", "long"])
def test_an_invented_ticket_is_refused(listen, ticket):
    assert 401 == listen(ticket)


def test_a_ticket_is_a_proof_for_streams_only(app, cast):
    ticket = ticket_of(cast.alice)

    assert 401 == app.test_client().get("/api/me", query_string={"ticket": ticket}).status_code
    assert 401 == app.test_client().get("/api/me", headers={"Authorization": f"Bearer {ticket}"}).status_code


def test_a_ticket_ends_with_what_it_was_asked_for_with(app, cast, listen):
    """Who loses a key a moment after cannot open a stream, and a stream that was opened ends with the key."""
    made = cast.olive.post("/api/ops/keys", {"name": "a test", "id": 1, "scopes": ["realtime:read"]}).json
    headers = {"Authorization": f"Bearer {made['key']}"}
    ticket = app.test_client().post("/api/stream-tickets", headers=headers).get_json()["ticket"]

    cast.olive.post("/api/ops/keys/revoke", {"id": made["id"], "reason": "a test"})
    onward_of(app).access.refresher.look()

    assert 401 == listen(ticket, channels="buyer:1")


def test_a_key_without_the_scope_gets_no_ticket(app, cast):
    made = cast.olive.post("/api/ops/keys", {"name": "a test", "id": 1, "scopes": ["orders:read"]}).json
    headers = {"Authorization": f"Bearer {made['key']}"}

    assert 403 == app.test_client().post("/api/stream-tickets", headers=headers).status_code
