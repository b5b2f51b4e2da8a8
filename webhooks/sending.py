"""Sends one delivery: to a public address only, within a deadline, and without following anybody.

The way is: the URL's grammar (urls.py), the addresses of its name (lookups.py), whether they may be reached
(networks.py), a connection to one of them (checked_connections.py), TLS by the name. Settings of proxies in the
environment do not count, since urllib3's pools know none; redirects are answers like others.
"""

from __future__ import annotations

import ipaddress
import logging
import ssl
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import RemoteDisconnected
from typing import Any

import gevent
import gevent.ssl
import urllib3
from urllib3 import BaseHTTPResponse, HTTPConnectionPool

from foundation import clock
from foundation.version import VERSION
from webhooks import urls
from webhooks.checked_connections import CheckedPool, CheckedTLSPool, TooLong
from webhooks.lookups import Lookup
from webhooks.networks import IpAddress, IpNetwork, Networks, check_public
from webhooks.refusals import NoConnection, Refused, Unreachable
from webhooks.urls import Target

TOTAL_SECONDS = 15.0
"""For everything together: the lookup, the connection, TLS, the request, and the last byte of the answer."""

CONNECT_SECONDS = 5.0
"""For the connection to one address; the next one is tried afterwards."""

KEPT_BYTES = 8 * 1024
"""Of an answer's body, for the log of deliveries."""

CONNECTIONS_PER_ADDRESS, POOLS = 5, 64
"""Kept open between deliveries: as many as are sent to one endpoint at a time, and those of the last endpoints."""

RESERVED = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent"),
    }
)
"""Headers, in lower case, that are ours to set: an endpoint may not have them among its own."""

NO_PUBLIC_NAME = "The URL's host is no name of the internet."

logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings name the whole URL, which may contain a password


@dataclass(frozen=True)
class Reply:
    """What a receiver answered."""

    status: int
    headers: dict[str, str]
    """By names in lower case."""

    body: bytes = field(repr=False)
    """The first 8 KB."""

    seconds: float


class Sender:
    """Sends to the addresses that one installation allows; keeps connections for the next delivery."""

    def __init__(
        self,
        allow_nets: Sequence[IpNetwork] = (),
        lookup: Callable[[str], Sequence[str]] | None = None,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._networks = Networks(allow_nets)
        self._lookup = lookup or Lookup()
        self._total_seconds = total_seconds
        self._pools: OrderedDict[tuple[str, str, int, str], HTTPConnectionPool] = OrderedDict()
        self._tls: ssl.SSLContext | None = None

    def check(self, url: str) -> None:
        """Raise Refused for a URL that can never be sent to; a name's addresses are checked when it is."""
        self._target(url)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a body, and return the answer, whatever its status is.

        Raises Refused if the URL or its present addresses are not allowed, Unreachable if there was no complete answer.
        """
        if unusable := RESERVED & {name.lower() for name in headers}:
            raise ValueError(f"{', '.join(sorted(unusable))} cannot be set")
        target, started = self._target(url), clock.monotonic()
        with gevent.Timeout(self._total_seconds) as deadline:
            try:
                status, answered, kept = self._answer(target, headers, body)
            except gevent.Timeout as late:
                if late is not deadline:
                    raise
                raise Unreachable(f"There was no complete answer within {self._total_seconds:g} s.") from None
        return Reply(status, answered, kept, clock.monotonic() - started)

    def close(self) -> None:
        """Close all connections that are kept."""
        while self._pools:
            self._pools.popitem()[1].close()

    def _target(self, url: str) -> Target:
        target = urls.parse(url)
        if target.address is not None:
            self._networks.check(target.address, target.scheme, target.port)
        elif not self._networks.any_inside:
            if target.is_inside_name:
                raise Refused(NO_PUBLIC_NAME)
            check_public(target.scheme, target.port)
        return target

    def _answer(self, target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        addresses = self._addresses(target)
        for number, address in enumerate(addresses, 1):
            try:
                return self._exchange(self._pool(target, address), target, headers, body)
            except NoConnection:
                if number == len(addresses):
                    raise
        raise Unreachable("The name of its host was not found.")

    def _addresses(self, target: Target) -> list[IpAddress]:
        """Where the URL leads now; if one address must not be reached, none is."""
        if target.address is not None:
            return [target.address]
        found = [ipaddress.ip_address(one) for one in self._lookup(target.host)]
        for address in found:
            self._networks.check(address, target.scheme, target.port)
            if target.is_inside_name and not self._networks.allows(address):
                raise Refused(NO_PUBLIC_NAME)
        return found

    def _exchange(
        self, pool: HTTPConnectionPool, target: Target, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        own = {"Host": target.host_header, "User-Agent": f"Onward/{VERSION}", "Accept-Encoding": "identity"}
        try:
            response = pool.urlopen(
                "POST",
                target.target,
                body,
                {**headers, **own},
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self._total_seconds),
            )
            with response:
                kept = _body(response)
        except TooLong:
            raise Unreachable("The head of its answer is too long.") from None
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(_reason(error)) from error
        return response.status, {name.lower(): value for name, value in response.headers.items()}, kept

    def _pool(self, target: Target, address: IpAddress) -> HTTPConnectionPool:
        """The connections to this address under this name: a name that moves gets others."""
        if not gevent.get_hub().main_hub:
            # A thread, as under `flask run`: the sockets of one are of no use to another.
            return self._new_pool(target, address)
        key = (target.scheme, target.host, target.port, str(address))
        if key not in self._pools:
            self._pools[key] = self._new_pool(target, address)
            if len(self._pools) > POOLS:
                self._pools.popitem(last=False)[1].close()
        self._pools.move_to_end(key)
        return self._pools[key]

    def _new_pool(self, target: Target, address: IpAddress) -> HTTPConnectionPool:
        common: dict[str, Any] = {
            "maxsize": CONNECTIONS_PER_ADDRESS,
            "networks": self._networks,
            "scheme": target.scheme,
        }
        if target.scheme == "http":
            return CheckedPool(str(address), target.port, **common)
        self._tls = self._tls or _tls()
        return CheckedTLSPool(str(address), target.port, ssl_context=self._tls, server_hostname=target.host, **common)


class _Context(gevent.ssl.SSLContext):
    """gevent's, as the sockets are."""

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """TLS over a connection; one whose handshake is cut off by the deadline is closed, and not left over."""
        wrapped: ssl.SSLSocket = super().wrap_socket(*args, **{**options, "do_handshake_on_connect": False})
        try:
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped


def _tls() -> ssl.SSLContext:
    """The authorities are the system's, or those of SSL_CERT_FILE, as OpenSSL has it."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def _body(response: BaseHTTPResponse) -> bytes:
    """The beginning of the body; a little more is read, so that the connection can be used again."""
    kept = b""
    with suppress(TooLong):
        kept = response.read(KEPT_BYTES)
        while response.read(KEPT_BYTES):
            pass
    return kept


def _reason(error: urllib3.exceptions.HTTPError) -> str:
    cause = error.args[-1] if error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"Its certificate is not valid: {cause.verify_message}."
    if isinstance(cause, ssl.SSLError):
        return f"TLS failed: {cause.reason or cause}."
    if isinstance(error, urllib3.exceptions.TimeoutError):
        return "It did not answer in time."
    if isinstance(cause, OSError | RemoteDisconnected):
        return "It closed the connection before it had answered."
    return "Its answer is no complete HTTP response."
