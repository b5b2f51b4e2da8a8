"""Which clients' connections are counted together, and which are not counted."""

from __future__ import annotations

import ipaddress

import pytest

from server.admission import CROWD, Admission

LOOPBACK = (ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("::1"))


@pytest.fixture
def admission():
    return Admission(10, 2, LOOPBACK)


def room_for(admission, *addresses):
    return [admission.admit(address) is not None for address in addresses]


@pytest.mark.parametrize(
    "addresses",
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"),
        ("fe80::1%eth0", "fe80::2%eth0", "fe80::3"),
    ],
)
def test_one_client_has_so_many(admission, addresses):
    assert [True, True, False] == room_for(admission, *addresses)
    assert [True] == room_for(admission, "198.51.100.7")


def test_a_client_with_many_connections_is_a_crowd_and_a_proxy_is_none():
    admission = Admission(100, 50, LOOPBACK)
    for address in ("192.0.2.1", "127.0.0.1"):
        assert all(room_for(admission, *[address] * CROWD))
        assert not admission.is_crowd(address)
        admission.admit(address)
    assert [True, False] == [admission.is_crowd(address) for address in ("192.0.2.1", "127.0.0.1")]
    admission.leave("192.0.2.1")
    assert not admission.is_crowd("192.0.2.1")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", ""])
def test_proxies_on_this_machine_and_unix_sockets_are_not_counted(admission, address):
    assert all(room_for(admission, *[address] * 10))
    assert [False] == room_for(admission, address)  # but all together are


def test_where_a_proxy_stands_in_front_nobody_is_counted():
    assert all(room_for(Admission(10, 0, LOOPBACK), *["192.0.2.1"] * 10))


def test_who_leaves_makes_room_and_nothing_is_kept(admission):
    for _ in range(3):
        mine = [admission.admit("192.0.2.1") for _ in range(3)]
        assert mine[2] is None
        for one in mine[:2]:
            admission.leave(one)

    assert not admission._open
    assert not admission._count
