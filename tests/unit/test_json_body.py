"""What a body may contain: too much is refused before anything is built, and costs the process next to nothing."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from foundation.errors import InvalidRequest, MalformedRequest
from foundation.json_body import parse_json
from orders.schemas import ChangeOrderStatusesRequest, ChangeOrderStatusRequest


def changes(*members):
    return b'{"changes":[%s]}' % b",".join(members)


def unknown(number, value=b"0"):
    return b"{%s}" % b",".join(b'"%x":%s' % (each, value) for each in range(number))


HONEST = changes(
    *(
        b'{"order_id":%d,"status":"SHIPPED","version":1,"idempotency_key":"k-%d","reason":"%s",'
        b'"tracking":{"carrier":"DHL","number":"1","url":"https://dhl.example/1","expected_on":"2026-12-01"}}'
        % (order_id, order_id, rb"Why, [with {all} \"of it\". " * 30)
        for order_id in range(1, 501)
    )
)
"""500 changes with all that they may have."""

TOO_MANY = {
    "members of one change": changes(unknown(100_000)),
    "members of many changes": changes(*[unknown(200)] * 400),
    "numbers": changes(*[b"0"] * 500_000),
    "empty arrays": changes(*[b"[]"] * 340_000),
    "empty objects": changes(*[b"{}"] * 340_000),
    "empty texts": changes(*[b'""'] * 340_000),
    "the same member": b"{%s}" % b",".join([b'"changes":[]'] * 80_000),
    "nested as deeply as they may": changes(*[b"[" * 29 + b"]" * 29] * 17_000),
    "quotes": b'"' * 1_000_000,
}


@pytest.mark.parametrize("body", TOO_MANY.values(), ids=TOO_MANY)
def test_a_body_holds_only_so_many_members_and_items(body):
    """Each becomes an object, and each wrong one an error: a megabyte of them kept the process for a second."""
    with pytest.raises(InvalidRequest, match="more than 8,000 members and items"):
        parse_json(ChangeOrderStatusesRequest, body)


def test_a_full_batch_is_taken():
    assert 500 == len(parse_json(ChangeOrderStatusesRequest, HONEST).changes)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"status":"CONFIRMED","status":"CONFIRMED"}', ["status"]),
        (b'{"status":"CONFIRMED","st\\u0061tus":"CANCELLED"}', ["status"]),
        (
            b'{"status":"SHIPPED","tracking":{"carrier":"DHL","number":"1","carrier":"UPS","number":"2"}}',
            ["tracking.carrier", "tracking.number"],
        ),
    ],
)
def test_a_member_is_given_once(body, where):
    """The last one counted, without a word; other parsers take the first."""
    with pytest.raises(InvalidRequest) as refused:
        parse_json(ChangeOrderStatusRequest, body)

    assert where == [one["field"] for one in refused.value.members["errors"]]


def test_a_member_of_one_change_is_given_once():
    with pytest.raises(InvalidRequest) as refused:
        parse_json(
            ChangeOrderStatusesRequest,
            changes(b'{"order_id":1,"status":"A"}', b'{"order_id":1,"order_id":2,"status":"A"}'),
        )

    assert ["changes.1.order_id"] == [one["field"] for one in refused.value.members["errors"]]


def test_equal_names_in_different_objects_are_no_repetition():
    body = b'{"status":"status: status","reason":"\\"status\\":1","tracking":{"carrier":"status","number":"number"}}'

    assert "status: status" == parse_json(ChangeOrderStatusRequest, body).status


def test_only_the_first_errors_are_told():
    with pytest.raises(InvalidRequest) as refused:
        parse_json(ChangeOrderStatusesRequest, changes(unknown(7_000)))

    errors = refused.value.members["errors"]
    assert 20 == len(errors)
    assert {"field": "changes.0.order_id", "message": "Field required"} in errors
    assert {"field": "changes.0.0", "message": "Extra inputs are not permitted"} in errors


def test_the_name_of_an_unknown_member_is_told_in_part():
    with pytest.raises(InvalidRequest) as refused:
        parse_json(ChangeOrderStatusRequest, b'{"status":"CONFIRMED","%s":1}' % (b"x" * 60_000))

    assert "x" * 200 == refused.value.members["errors"][0]["field"]
    assert len(refused.value.detail) < 300


LARGEST = {
    "unknown members": changes(unknown(7_990, b'"%s"' % (b"x" * 110))),
    "long names": changes(b"{%s}" % b",".join(b'"%s%d":0' % (b"x" * 110, each) for each in range(7_990))),
    "wrong changes": changes(*[b'{"order_id":"","status":1,"reason":"%s"}' % (b" " * 1_900)] * 500),
    "a huge number": changes(b'{"order_id":%s,"status":"CONFIRMED"}' % (b"9" * 1_000_000)),
    "large numbers": changes(*[b'{"order_id":%s}' % (b"9" * 4_300)] * 230),
    "quotes in a text": changes(b'{"status":"%s"}' % (b'\\"' * 500_000)),
    "members in pairs": changes(*[b'{"order_id":1,"status":"A","status":"B"}'] * 2_000),
    "backslashes before what looks like a NUL": changes(b'{"status":"%s"}' % (b"\\\\u0000" * 140_000)),
}
"""A megabyte each, just below what is counted."""


@pytest.mark.parametrize("body", LARGEST.values(), ids=LARGEST)
def test_no_body_costs_much_more_than_an_honest_one_of_its_size(body):
    """An honest megabyte, all of it escapes, costs 25 ms where the dearest of these costs 40; 800 it was."""
    honest = changes(*[b'{"order_id":1,"status":"CANCELLED","reason":"%s"}' % (b"\\u00e4" * 335)] * 500)

    assert cost(body) < 5 * cost(honest)


def cost(body):
    """The least CPU of three tries."""
    taken = []
    for _ in range(3):
        begun = time.process_time()
        with suppress(MalformedRequest, InvalidRequest):
            parse_json(ChangeOrderStatusesRequest, body)
        taken.append(time.process_time() - begun)
    return min(taken)
