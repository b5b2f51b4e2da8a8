"""No way inside: which URLs and which addresses a webhook is never sent to, and which it is."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path

import pytest

from webhooks.networks import METADATA, SPECIAL, Networks
from webhooks.refusals import Refused
from webhooks.sending import Sender

URLS = [
    line
    for line in (Path(__file__).parent / "webhook_urls.txt").read_text().split("\n")
    if line and not line.startswith("# ")
]
EMBEDDED = ["::ffff:{}", "::{}", "64:ff9b::{}", "64:ff9b:1::{}"]
INSIDE_IPV6 = [
    *("::1", "::", "fe80::1", "fec0::1", "fd00::1", "ff02::1", "100::1", "2001:10::1", "2002:7f00:1::", "4000::1"),
]


@pytest.fixture(scope="module")
def canaries():
    """Two listeners that must never be connected to, one for each family, on the same port."""
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", four.getsockname()[1]), family=socket.AF_INET6) as six,
    ):
        yield four, six


def nowhere(name):
    raise AssertionError(f"{name} was looked up")


def nets(*texts):
    return [ipaddress.ip_network(one) for one in texts]


def test_there_are_enough_vectors():
    assert 250 <= len(set(URLS)) == len(URLS)


def accepted(attempt, *args):
    """Whether nobody refused it."""
    try:
        attempt(*args)
    except Refused:
        return False
    return True


def test_a_url_that_leads_inside_or_is_none_is_refused(canaries):
    """Before anything is looked up or connected to, whether it is to be kept or to be sent to."""
    sender, port = Sender(lookup=nowhere), str(canaries[0].getsockname()[1])
    urls = [url.replace("{port}", port) for url in URLS]

    assert [] == [url for url in urls if accepted(sender.check, url) or accepted(sender.post, url, {}, b"{}")]


def test_none_of_them_reached_a_listener(canaries):
    for canary in canaries:
        canary.setblocking(False)
        with pytest.raises(BlockingIOError):
            canary.accept()


def inside():
    """An address of every special network, alone and in every IPv6 form that contains it, and special IPv6."""
    for network in map(ipaddress.ip_network, SPECIAL):
        for address in {network[0], network[-1]}:
            yield str(address)
            if address.version == 4:
                yield from (form.format(address) for form in EMBEDDED)
    yield from (*INSIDE_IPV6, *map(str, METADATA))


def test_a_name_that_leads_inside_is_refused():
    addresses = set(inside())

    def post(address):
        Sender(lookup=lambda name: [address]).post("https://shop.com/", {}, b"{}")

    assert 200 <= len(addresses)
    assert [] == [address for address in sorted(addresses) if accepted(post, address)]


@pytest.mark.parametrize("addresses", [["93.184.216.34", "10.0.0.1"], ["::1", "2606:4700::1111"]])
def test_one_address_inside_makes_a_name_unusable(addresses):
    with pytest.raises(Refused):
        Sender(lookup=lambda name: addresses).post("https://shop.com/", {}, b"{}")


def test_a_reason_does_not_say_where_a_name_leads():
    """Whoever may register an endpoint could read our network's names by it."""
    with pytest.raises(Refused) as refused:
        Sender(lookup=lambda name: ["10.1.2.3"]).post("https://jira.shop.com/", {}, b"{}")

    assert "10.1.2.3" not in refused.value.reason


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.com/webhooks?token=a%20b&x=1",
        "HTTPS://Shop.COM",
        "https://shop.com?x=1",
        "https://xn--mller-kva.com/",
        "https://a_b.shop.com:8443/",
        "https://93.184.216.34/",
        "https://1.1.1.1:65535/",
        "https://[2606:4700:4700::1111]:4433/a",
        "https://172.15.255.255/",
        "https://172.32.0.0/",
        "https://100.63.255.255/",
        "https://100.128.0.0/",
        "https://192.0.1.0/",
        "https://0x7f.com/",
        "https://127.0.0.1.nip.io/",
    ],
)
def test_a_public_url_is_accepted(url):
    Sender(lookup=nowhere).check(url)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://10.1.2.3:80/", "10.1.0.0/16"),
        ("https://10.1.2.3:22/", "10.1.2.3"),
        ("http://[fd00:1::5]/", "fd00:1::/32"),
        ("http://receiver:8080/", "172.18.0.0/16"),
        ("http://receiver.internal/", "172.18.0.0/16"),
        ("http://169.254.169.254/", "169.254.169.254"),
    ],
)
def test_what_the_operator_allows_is_accepted_without_tls(url, allowed):
    Sender(nets(allowed), lookup=nowhere).check(url)


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("http://10.2.0.1/", "10.2.0.1"),
        ("http://receiver/", "172.16.0.1"),
        ("http://receiver/", "93.184.216.34"),
        ("http://shop.com/", "93.184.216.34"),
        ("https://receiver/", "93.184.216.34"),
        ("https://[::ffff:10.1.0.1]/", "::ffff:10.1.0.1"),
        ("https://shop.com/", "::ffff:10.1.0.1"),
        ("http://169.254.169.254/", "169.254.169.254"),
        ("https://[::ffff:a9fe:a9fe]/", "::ffff:a9fe:a9fe"),
    ],
)
def test_what_the_operator_allows_opens_nothing_else(url, leads_to):
    """A name of our own network has to lead there, and a wide network does not contain a cloud's metadata."""
    sender = Sender(nets("10.1.0.0/16", "169.254.0.0/16"), lookup=lambda name: [leads_to])

    with pytest.raises(Refused):
        sender.post(url, {}, b"{}")


@pytest.mark.parametrize("everything", ["0.0.0.0/0", "::/0"])
def test_even_everything_is_not_the_metadata(everything):
    networks = Networks(nets(everything))
    forms = ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"]

    for address in map(ipaddress.ip_address, forms):
        with pytest.raises(Refused):
            networks.check(address, "https", 443)
