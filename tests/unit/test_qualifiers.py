"""What operators type into a single box is read exactly, or refused with a sentence; nothing is passed over."""

from __future__ import annotations

import pytest

from foundation.errors import InvalidRequest
from operations.qualifiers import Qualifiers
from operations.selection import Selection


@pytest.fixture
def qualifiers():
    return Qualifiers(lambda word: [7, 9] if word == "1042" else [])


@pytest.mark.parametrize(
    ("typed", "selected"),
    [
        ("", Selection()),
        ("kind:email", Selection(family="email")),
        ("error:timeout", Selection(error="timeout")),
        ('error:"550 5.1.1"', Selection(error="550 5.1.1")),
        ("no such mailbox", Selection(error="no such mailbox")),
        ("order:#1042 state:dead", Selection(orders=(7, 9), status="dead")),
        ("order:nowhere", Selection(orders=())),
        ("state:waiting", Selection(status="pending")),
        ("shop:7 destination:mail-server", Selection(shop=7, destination="mail-server")),
        ("attempts:>=3 request:abc id:4,5", Selection(attempts=3, request="abc", ids=(4, 5))),
        ("since:2026-11-27", Selection(since="2026-11-27T00:00:00+00:00")),
    ],
)
def test_what_is_typed_is_a_selection(qualifiers, typed, selected):
    assert selected == qualifiers.read(typed)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("knd:email", "no qualifier knd"),
        ("state:broken", "state is one of"),
        ("shop:seven", "shop is a whole number"),
        ("shop:99999999999999999999", "shop is a whole number"),
        ("order:1 order:2", "order is given twice"),
        ("error:a b", "error is given twice"),
        ('error:"550', "quotation mark"),
        ('error:""', "error has no value"),
        ("since:yesterday", "since is a date"),
        ("since:2026-13-40", "since is a date"),
        ("a\0b", "without NUL"),
        ("a" * 501, "at most 500"),
    ],
)
def test_what_is_not_understood_is_refused(qualifiers, typed, said):
    with pytest.raises(InvalidRequest, match=said):
        qualifiers.read(typed)


def test_a_selection_is_kept_as_it_was_and_is_named_in_words():
    selection = Selection(ids=(1, 2), kind="email.status", orders=(), error="x")

    assert selection == Selection.read(selection.members)
    assert "ids 1, 2, kind email.status, error x, orders " == str(selection)
    assert "all" == str(Selection())
