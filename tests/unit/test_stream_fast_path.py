"""The fast path of streams opens plain requests, and leaves everything that needs a second look to the view."""

from __future__ import annotations

from dataclasses import replace

import pytest

from access.principal import LINK, Principal
from access.tracking_links import Followed
from foundation import logs
from foundation.errors import Forbidden, NotFound, TooManyRequests, Unauthorized
from realtime.fast_path import StreamFastPath
from server.requests import Plain

FIELDS = {"authorization": "Bearer alice's", "last-event-id": "7.104"}
PLAIN = Plain("GET", "/api/stream", FIELDS, 0, 0)


class Opened:
    """Streams that only remember whom they were opened for."""

    def open(self, listener, detached):
        assert detached
        return listener


def recognise(header):
    if header == "Bearer forged":
        raise Unauthorized("The token is not valid.")
    known = {"Bearer alice's": Principal("buyer", 1, 99.0), "Bearer the shop's": Principal("service", 1, 99.0)}
    return known.get(header)


def channels_of(principal, wanted):
    if principal.role == "service":
        raise Forbidden("A service names its channels.")
    return (f"{principal.role}:{principal.id}",)


def follow(link):
    if link == "forged":
        raise NotFound
    return None if link == "of-a-key" else Followed(17, Principal("buyer", 1, 99.0, via=LINK))


def count(who):
    counted.append(who)
    if len(counted) > 3:
        raise TooManyRequests
    return [("RateLimit", f'"reads";r={3 - len(counted)};t=1')]


counted = []


@pytest.fixture
def fast_path():
    counted.clear()
    return StreamFastPath(
        Opened(), recognise, channels_of, count, [("Strict-Transport-Security", "max-age=1")], follow, 1
    )


def test_a_plain_request_with_a_good_token_is_let_in_as_who_it_is(fast_path):
    _, listener = fast_path.open(PLAIN)

    assert ("buyer:1", ("buyer:1",), "7.104", 99.0) == (
        listener.who,
        listener.channels,
        listener.last_event_id,
        listener.expires_at,
    )


def test_an_opening_bears_the_fields_of_every_response(fast_path):
    """Strict-Transport-Security was forgotten where gunicorn had not read the request."""
    fields, _ = fast_path.open(PLAIN)

    assert "max-age=1" == dict(fields)["Strict-Transport-Security"]


def test_what_is_logged_of_an_opening_carries_its_own_request_id(fast_path):
    """It was that of the request before it on the connection."""
    logs.request_id.set("patch-1")

    fields, _ = fast_path.open(replace(PLAIN, fields={**FIELDS, "x-request-id": "stream-2"}))
    assert "stream-2" == logs.request_id.get() == dict(fields)["X-Request-ID"]

    assert fast_path.open(PLAIN)
    assert logs.request_id.get() not in ("", "patch-1", "stream-2")


def test_an_opening_counts_as_a_read_and_one_too_many_is_left_to_the_view(fast_path):
    """1,090 a second came through with RATE_LIMIT_READS=5."""
    opened = [fast_path.open(PLAIN) for _ in range(5)]

    assert [True, True, True, False, False] == [one is not None for one in opened]
    assert {"buyer:1"} == set(counted)
    assert '"reads";r=2;t=1' == dict(opened[0][0])["RateLimit"]


@pytest.mark.parametrize(
    "unusual",
    [
        {"path": "/api/orders"},
        {"path": "/api/stream?channels=seller:7"},
        {"method": "PATCH"},
        {"fields": {"authorization": "Bearer forged"}},
        {"fields": {"authorization": "Bearer the shop's"}},
        {"fields": {}},
    ],
)
def test_whatever_is_not_plain_is_left_to_the_view(fast_path, unusual):
    assert fast_path.open(replace(PLAIN, **unusual)) is None


@pytest.mark.parametrize("path", ["/t/good/stream", "/t/good/stream?last_event_id=7.104"])
def test_a_plain_request_with_a_good_link_follows_its_order(fast_path, path):
    _, listener = fast_path.open(Plain("GET", path, FIELDS, 0, 0), "10.0.0.9")

    assert ("buyer:1", ("buyer:1#17",), "7.104", 99.0, "address:10.0.0.9", False) == (
        listener.who,
        listener.channels,
        listener.last_event_id,
        listener.expires_at,
        listener.address,
        listener.counted,
    )
    assert ["address:10.0.0.9"] == counted


def test_behind_a_proxy_the_address_is_the_one_that_it_names(fast_path):
    fields = {"x-forwarded-for": "6.6.6.6, 10.0.0.9"}
    _, listener = fast_path.open(Plain("GET", "/t/good/stream", fields, 0, 0), "127.0.0.1")

    assert "address:10.0.0.9" == listener.address, "whatever stands before it, the client wrote"


@pytest.mark.parametrize(
    "path", ["/t/forged/stream", "/t/of-a-key/stream", "/t/good", "/t/good/stream?x=1", "/t/a%2Fb/stream"]
)
def test_a_link_that_needs_a_second_look_is_left_to_the_view(fast_path, path):
    assert fast_path.open(Plain("GET", path, {}, 0, 0), "10.0.0.9") is None
