"""Which addresses a webhook may reach: the public ones, and what WEBHOOK_ALLOW_NETS names.

The lists are IANA's registries of special-purpose addresses, written out: what Python's `is_global` knows of them
depends on its version. For IPv6 only global unicast, 2000::/3, is public, which leaves out every form that contains an
IPv4 address, except for two that are refused by name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from webhooks.refusals import Refused

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

SPECIAL = {
    "0.0.0.0/8": "this host",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "metadata of Azure",
    "169.254.0.0/16": "link-local, and metadata of most clouds",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "IETF protocols, and metadata of Oracle",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, and broadcast",
    "2001::/23": "IETF protocols, Teredo among them, which contains an IPv4 address",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4, which contains an IPv4 address",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
}
"""Of IPv4, and within 2000::/3. https://www.iana.org/assignments/iana-ipv4-special-registry/, …-ipv6-…"""

PUBLIC_IPV6 = ipaddress.IPv6Network("2000::/3")

METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            *("169.254.169.254", "169.254.170.2", "169.254.170.23", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
            *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fe80::a9fe:a9fe"),
        ),
    )
)
"""Where clouds hand out a machine's credentials: a wide network in WEBHOOK_ALLOW_NETS does not open them."""

NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))

HTTPS_PORT, FIRST_FREE_PORT = 443, 1024
BLOCKED_PORTS = frozenset(
    {
        *(1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566),
        *(6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    }
)
"""Above 1023, those that browsers refuse: other protocols live there (Fetch Standard, section 2.9, port blocking)."""

_SPECIAL = tuple(ipaddress.ip_network(one) for one in SPECIAL)


class Networks:
    """The addresses that this installation lets webhooks reach."""

    def __init__(self, allowed: Sequence[IpNetwork] = ()) -> None:
        self._allowed = tuple(allowed)

    @property
    def any_inside(self) -> bool:
        """Whether any network is allowed that is not public, so that a name may lead there."""
        return bool(self._allowed)

    def check(self, address: IpAddress, scheme: str, port: int) -> None:
        """Raise Refused unless a webhook may be sent there."""
        if self.allows(address):
            return
        if not is_public(address):
            raise Refused("The URL does not lead to a public address.")
        check_public(scheme, port)

    def allows(self, address: IpAddress) -> bool:
        """Whether WEBHOOK_ALLOW_NETS names it; metadata only by a network of one address."""
        containing = [one for one in self._allowed if address in one]
        if METADATA & {address, _embedded(address)}:
            return any(one.num_addresses == 1 for one in containing)
        return bool(containing)


def check_public(scheme: str, port: int) -> None:
    """Raise Refused unless something on the internet may be called like this."""
    if scheme != "https":
        raise Refused("The URL must begin with https://.")
    if port != HTTPS_PORT and (port < FIRST_FREE_PORT or port in BLOCKED_PORTS):
        raise Refused("The URL's port must be 443, or one above 1023 that no other protocol uses.")


def is_public(address: IpAddress) -> bool:
    """Whether it belongs to somebody on the internet, and to nothing special."""
    if address.version == 6 and (address not in PUBLIC_IPV6 or address.scope_id):
        return False
    return not any(address in one for one in _SPECIAL if one.version == address.version)


def _embedded(address: IpAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one contains: mapped, compatible, 6to4, Teredo, or NAT64."""
    if address.version == 4:
        return None
    if address.teredo:
        return address.teredo[1]
    contained = address.ipv4_mapped or address.sixtofour
    low = int(address) >> 32 == 0 or any(address in one for one in NAT64)
    return contained or (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if low else None)
