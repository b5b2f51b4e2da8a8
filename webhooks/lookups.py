"""Addresses of a name: from DNS, or the hosts file, without search domains and without a thread.

gevent does `getaddrinfo` in ten threads that the whole process shares, so that ten slow name servers of strangers would
stop every other lookup; it also reads `0x7f.1` as an address. dnspython waits as greenlets do, each for itself.
"""

from __future__ import annotations

import ipaddress
import time
from functools import lru_cache
from pathlib import Path

import dns.exception
import dns.resolver

from webhooks.refusals import Unreachable

LOOKUP_SECONDS = 5.0
"""For both families together: a third of what a delivery may take."""

CACHED_NAMES, CACHED_SECONDS = 1000, 60.0
"""An answer is remembered for as long as it says, and no longer than this: dnspython keeps an empty one that does not
say how long it is valid for decades."""

HOSTS_FILE = Path("/etc/hosts")


class _Cache(dns.resolver.LRUCache):
    def put(self, key: dns.resolver.CacheKey, value: dns.resolver.Answer) -> None:
        value.expiration = min(value.expiration, time.time() + CACHED_SECONDS)
        super().put(key, value)


class Lookup:
    """Finds the addresses of names, and remembers them for as long as their name server says."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        self._given = resolver
        self._resolver = resolver
        self._cache = _Cache(CACHED_NAMES * 2)  # A and AAAA

    def __call__(self, name: str) -> list[str]:
        """All addresses, those of IPv4 first: where IPv6 is not routed, nothing is lost by waiting for it."""
        if listed := _listed(name):
            return listed
        try:
            answers = self._current().resolve_name(name, lifetime=LOOKUP_SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer) as error:
            raise Unreachable("The name of its host was not found.") from error
        except dns.exception.DNSException as error:
            self._resolver = None  # the machine may have got other name servers since
            raise Unreachable("No name server answered for the name of its host.") from error
        return sorted(answers.addresses(), key=lambda one: ":" in one)

    def _current(self) -> dns.resolver.Resolver:
        if self._resolver is None:
            self._resolver = self._given or dns.resolver.Resolver()
        self._resolver.cache = self._cache
        return self._resolver


def _listed(name: str) -> list[str]:
    """The addresses that the hosts file has, as for containers that know each other by it."""
    try:
        return _hosts(HOSTS_FILE.stat().st_mtime_ns).get(name, [])
    except OSError:
        return []


@lru_cache(1)
def _hosts(changed: int) -> dict[str, list[str]]:  # noqa: ARG001  # the key under which the file is remembered
    found: dict[str, list[str]] = {}
    for line in HOSTS_FILE.read_text(errors="replace").splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names if _is_address(address) else ():
            found.setdefault(name.lower(), []).append(address)
    return found


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False
