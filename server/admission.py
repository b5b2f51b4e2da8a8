"""Limits on connections to a process, per client and in total; one more gets an error and displaces no other.

Connections, not requests: a silent one costs too. Detached streams are not counted: they needed a credential and have
limits of their own.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import prometheus_client

from foundation import clock
from foundation.logs import get_logger

log = get_logger(__name__)

REFUSED = prometheus_client.Counter("onward_connections_refused", "Connections over a limit that were refused.")
REPORT_SECONDS = 10.0
"""A flood is logged this often, and not for each connection."""

PREFIX_BITS = 64
"""The part of an IPv6 address that is counted as one client: a customer gets all addresses with the same prefix."""

CROWD = 16
"""Connections of one client; with more of them than a browser opens, their requests take turns."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Admission:
    """Counts the connections of one process."""

    def __init__(self, in_all: int, per_client: int, trusted: Sequence[Network]) -> None:
        self._in_all = in_all
        self._per_client = per_client
        """0 if nobody is counted: behind a proxy, all connections are the proxy's."""

        self._trusted = trusted
        """Peers that are not counted individually: proxies on this machine, by default."""

        self._open: Counter[str] = Counter()
        self._count = 0
        self._refused = 0
        self._reported_at = -REPORT_SECONDS
        self._client_of = lru_cache(4096)(self._name)

    def admit(self, address: str) -> str | None:
        """The value to pass to `leave` when the connection is closed; None if the limit is reached."""
        client = self._client_of(address)
        if self._count >= self._in_all or (client and self._open[client] >= self._per_client):
            self._refuse(address)
            return None
        self._count += 1
        if client:
            self._open[client] += 1
        return client

    def is_crowd(self, address: str) -> bool:
        """Whether this client has so many connections that all of them could send requests at the same moment."""
        client = self._client_of(address)
        return bool(client) and self._open[client] > CROWD

    def leave(self, client: str) -> None:
        """One of this client's connections is closed."""
        self._count -= 1
        if client:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    def _name(self, address: str) -> str:
        """The client whose connections are counted together; empty if they are not counted."""
        if not self._per_client:
            return ""
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return ""  # the peer of a Unix socket has no address
        if isinstance(ip, ipaddress.IPv6Address):
            ip = ip.ipv4_mapped or ip
        if any(ip in network for network in self._trusted):
            return ""
        return str(ip) if ip.version == 4 else str(ipaddress.ip_network((ip, PREFIX_BITS), strict=False))

    def _refuse(self, address: str) -> None:
        REFUSED.inc()
        self._refused += 1
        if clock.monotonic() - self._reported_at >= REPORT_SECONDS:
            log.warning(
                "connections.refused", "Connections over the limit refused", newest=address, refused=self._refused
            )
            self._reported_at, self._refused = clock.monotonic(), 0
