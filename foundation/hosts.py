"""Valid values of a Host header, and those that are served here; names and addresses in the form that is compared."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from functools import lru_cache

HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""Names, IPv4 and IPv6, with or without a port (RFC 3986, section 3.2.2)."""

HOST_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]*[a-z_-][a-z0-9_-]*")
"""A host name in lower case. Its last label is no number, or it would be taken for an address (WHATWG URL, section
3.5)."""

PORT = re.compile(r":[0-9]*$")

KnowsHost = Callable[[str], bool]
"""Whether a request may name this host."""


@lru_cache(256)
def is_host(text: str) -> bool:
    """Whether it is a valid Host header."""
    return HOST.fullmatch(text) is not None


def host_name(host: str) -> str:
    """A host without its port, in the form that is compared."""
    return in_brackets(PORT.sub("", host).lower().removesuffix("."))


def address_of(host: str) -> str | None:
    """The IP address that this is, an IPv6 one also in brackets, without them; None for a name.

    Raises ValueError for one with a scope (`fe80::1%eth0`), which is no address of a URL or a Host header.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    if "%" in bare:
        raise ValueError("must be an address without a scope such as %eth0")
    return str(address) if bare == host or address.version == 6 else None


def in_brackets(host: str) -> str:
    """The host as a URL has it: an IPv6 address in brackets, and in its shortest form (RFC 5952)."""
    address = address_of(host)
    return f"[{address}]" if address and ":" in address else host


def one_of(trusted: Collection[str]) -> KnowsHost:
    """Accepts only these hosts, whatever the port; if there are none, every host."""
    if not trusted:
        return is_host

    @lru_cache(256)
    def is_trusted(text: str) -> bool:
        return is_host(text) and host_name(text) in trusted

    return is_trusted
