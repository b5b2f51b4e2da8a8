"""Valid values of a Host header, and those that are served here."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from functools import lru_cache

HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
"""Names, IPv4 and IPv6, with or without a port (RFC 3986, section 3.2.2)."""

PORT = re.compile(r":[0-9]*$")

KnowsHost = Callable[[str], bool]
"""Whether a request may name this host."""


@lru_cache(256)
def is_host(text: str) -> bool:
    """Whether it is a valid Host header."""
    return HOST.fullmatch(text) is not None


def host_name(host: str) -> str:
    """A host without its port, in the form that is compared."""
    return PORT.sub("", host).lower().removesuffix(".")


def one_of(trusted: Collection[str]) -> KnowsHost:
    """Accepts only these hosts, whatever the port; if there are none, every host."""
    if not trusted:
        return is_host

    @lru_cache(256)
    def is_trusted(text: str) -> bool:
        return is_host(text) and host_name(text) in trusted

    return is_trusted
