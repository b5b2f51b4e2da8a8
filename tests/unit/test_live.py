"""Frames and cursors as they are sent."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import sse
from tests.unit.listening import parse


@given(st.text())
def test_no_text_can_break_a_frame(text):
    (event,) = parse(sse.encode_json("message.created", {"body": text.encode("utf-8", "replace").decode()}, "1.2"))

    assert {"id", "event", "data"} == set(event)
    assert text.encode("utf-8", "replace").decode() == orjson.loads(event["data"])["body"]


@given(st.text(alphabet="ab\r\n:"))
def test_line_ends_in_the_data_stay_data(text):
    (event,) = parse(sse.encode("x", text, "1.2"))

    assert text.replace("\r\n", "\n").replace("\r", "\n") == event["data"]


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "-1.2", "1.2.3", "a.b", "1.2 ", "9" * 20 + ".1", "١.٢"])
def test_a_cursor_that_is_none_of_ours_is_unknown(text):
    assert sse.Cursor.parse(text) is None


def test_a_cursor_survives_the_wire():
    assert sse.Cursor(7, 42) == sse.Cursor.parse(str(sse.Cursor(7, 42)))
