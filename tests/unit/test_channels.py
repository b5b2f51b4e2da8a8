"""Who may subscribe to which channels."""

from __future__ import annotations

import pytest

from access.principal import Principal
from foundation.errors import Forbidden
from orders.channels import EVERY_SELLER, channels_of, channels_to_poll

BOB, ALICE, OLIVE, SHOP = (Principal(role, 7) for role in ("seller", "buyer", "operator", "service"))


def test_buyers_and_sellers_hear_of_their_own_orders():
    assert [("seller:7",), ("buyer:7",)] == [channels_of(BOB), channels_of(ALICE)]


@pytest.mark.parametrize("wanted", ["seller:8", "buyer:7", "ops"])
def test_nobody_hears_of_the_orders_of_others(wanted):
    with pytest.raises(Forbidden, match="Your channel is seller:7"):
        channels_of(BOB, ("seller:7", wanted))


def test_operators_hear_each_change_once():
    """It is told to its one seller, and to its one buyer."""
    assert [(EVERY_SELLER,)] * 2 == [channels_of(OLIVE), channels_of(OLIVE, ("ops",))]


def test_a_service_names_what_it_hears_live():
    assert ("seller:1", "buyer:2") == channels_of(SHOP, ("seller:1", "buyer:2"))
    for wrong in ((), ("ops", "buyer:2")):
        with pytest.raises(Forbidden):
            channels_of(SHOP, wrong)


def test_who_may_see_every_order_catches_up_with_all_of_them():
    assert [(EVERY_SELLER,)] * 2 == [channels_to_poll(SHOP), channels_to_poll(OLIVE)]
    assert [("seller:7",), ("buyer:2",)] == [channels_to_poll(BOB), channels_to_poll(SHOP, ("buyer:2",))]
