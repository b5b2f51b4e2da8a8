"""The URLs that webhooks may have: a strict grammar, since every second reader of a URL reads it differently.

What a resolver, a library or a browser might understand as another host than the one that was checked is no URL here:
addresses in other forms than the usual one, names outside of ASCII, percent signs in a host, user names, and the like.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

from webhooks.networks import IpAddress
from webhooks.refusals import Refused

MOST_CHARACTERS = 2048
DEFAULT_PORTS = {"http": 80, "https": 443}

AUTHORITY = r"(?i:(?P<scheme>https?))://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[1-9][0-9]{0,4}))?"
PATH = r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?"
QUERY = r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?"
URL = re.compile(rf"{AUTHORITY}(?P<target>{PATH}{QUERY})")
"""RFC 3986, with less freedom in the host, and without user and fragment."""

MISTAKES = {
    re.compile(r"[^!-~]"): "The URL must consist of visible ASCII characters; a name is written as xn--….",
    re.compile(r"\\"): "The URL must not contain a backslash.",
    re.compile(r"#"): "The URL must not contain a fragment.",
    re.compile(r"^[^:/]*://[^/?]*@"): "The URL must not contain a user name or a password.",
    re.compile(r"^[^:/]*://[^/?]*%"): "The URL's host must not contain a percent sign.",
}
"""Of what people write, the reason that is worth a sentence of its own."""

LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label like this makes the host an address (WHATWG URL, section 3.5)."""

MOST_OF_A_NAME = 253

INSIDE = frozenset(
    (
        *("localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan"),
        *("arpa", "test", "example", "invalid", "onion", "alt"),
    )
)
"""Last labels that no public name has (RFC 6761, 6762, 7686, 8375, 9476; ICANN's .internal and .home)."""


@dataclass(frozen=True)
class Target:
    """A URL in its parts, as it was checked."""

    scheme: str
    host: str
    """A name in lower case, or an address; an IPv6 one without brackets."""

    port: int
    target: str
    """Path and query, as the request line has them."""

    address: IpAddress | None
    """The host, if it is an address."""

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_inside_name(self) -> bool:
        """Whether it is a name that only our own network can know."""
        *above, last = self.host.split(".")
        return self.address is None and (not above or last in INSIDE)


@lru_cache(maxsize=512)  # each delivery asks for its endpoint's
def parse(url: str) -> Target:
    """The parts of a URL; raises Refused."""
    if len(url) > MOST_CHARACTERS:
        raise Refused(f"The URL must not be longer than {MOST_CHARACTERS} characters.")
    for mistake, reason in MISTAKES.items():
        if mistake.search(url):
            raise Refused(reason)
    found = URL.fullmatch(url)
    if not found:
        raise Refused("The URL must look like https://shop.example/webhooks.")
    scheme, host = found["scheme"].lower(), found["host"].lower()
    port = int(found["port"] or DEFAULT_PORTS[scheme])
    if port > 65535:
        raise Refused("The URL's port must be at most 65535.")
    address = _address(host)
    if address is None:
        _check_name(host)
    target = found["target"]
    return Target(scheme, host.strip("[]"), port, target if target.startswith("/") else f"/{target}", address)


def _address(host: str) -> IpAddress | None:
    """The address in its usual form, four decimal numbers or brackets; None for a name."""
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:-1])
        if NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return ipaddress.IPv4Address(host)
    except ValueError:
        raise Refused("The URL's host must be a name, or an address like 192.0.2.1 or [2001:db8::1].") from None
    return None


def _check_name(host: str) -> None:
    if host.endswith("."):
        raise Refused("The URL's host must not end with a dot.")
    if len(host) > MOST_OF_A_NAME or not all(LABEL.fullmatch(label) for label in host.split(".")):
        raise Refused("The URL's host must be a name like shop.example.")
