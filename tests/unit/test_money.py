"""What a line costs, and how amounts are written."""

from __future__ import annotations

import pydantic
import pytest

from foundation.errors import InvalidRequest
from orders import money
from orders.schemas import CreateOrderRequest
from tests.cast import new_order


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [
        (2, 1250, 2500),
        (0.5, 999, 500),
        (0.5, -999, -500),
        (1.005, 100, 101),
        (0.333, 1000, 333),
        (0.001, 499, 0),
        (0.001, 500, 1),
        (999_999.999, 10**9, 999_999_999_000_000),
    ],
)
def test_a_line_costs_its_quantity_times_its_price_rounded_half_away_from_zero(quantity, price, amount):
    assert amount == money.line_minor(quantity, price)


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (0, "EUR", "€0.00"),
        (5, "EUR", "€0.05"),
        (108450, "EUR", "€1,084.50"),
        (1084, "JPY", "¥1,084"),
        (1084500, "KWD", "KWD\N{NO-BREAK SPACE}1,084.500"),
        (500, "CHF", "CHF\N{NO-BREAK SPACE}5.00"),
        (5000, "XOF", "F\N{NARROW NO-BREAK SPACE}CFA\N{NO-BREAK SPACE}5,000"),
        (100, "XXX", "XXX\N{NO-BREAK SPACE}1.00"),
        (-200, "EUR", "-€2.00"),
        (-5, "EUR", "-€0.05"),
        (-200, "JPY", "-¥200"),
    ],
)
def test_an_amount_has_its_currencys_digits(minor, currency, expected):
    assert expected == money.formatted(minor, currency)


def line(kind, price, quantity=1):
    return {"kind": kind, "title": kind.title(), "quantity": quantity, "unit_price_minor": price}


LINES = [line("item", 1999, 0.25), line("discount", -200), line("shipping", 490), line("tax", 150), line("tip", 10)]


def order(**changes):
    return CreateOrderRequest.model_validate(new_order(1, 1) | {"items": LINES} | changes)


def test_lines_of_every_kind_add_up_to_what_was_paid():
    assert 500 - 200 + 490 + 150 + 10 == order().cost
    assert order(total_minor=950)


@pytest.mark.parametrize(
    "changes",
    [
        {"total_minor": 949},
        {"items": [line("item", -200)]},
        {"items": [line("shipping", -1)]},
        {"items": [line("item", 100), line("discount", 50)]},
        {"items": [line("item", 100), line("discount", -101)]},
        {"items": [line("refund", 100)]},
        {"items": [line("item", 100, 0.0001)]},
        {"items": [line("item", 100, 0.1 + 0.2)]},
        {"items": [line("item", 100, -1)]},
        {"items": [line("item", 100, 10**6 + 0.5)]},
        {"items": [line("item", 100, "2")]},
        {"items": [line("item", 100, True)]},
    ],
    ids=str,
)
def test_lines_that_make_no_sense_are_refused(changes):
    with pytest.raises((pydantic.ValidationError, InvalidRequest)):
        order(**changes)
