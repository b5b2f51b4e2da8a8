"""Connections for urllib3 that lead to one checked address, and read no more of an answer than they must.

They use gevent's sockets also where nothing is patched, as on the command line, so that a deadline holds everywhere.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import select
import socket
import time
from typing import TYPE_CHECKING, Any

import gevent.monkey
import gevent.socket
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from webhooks.networks import Networks
from webhooks.refusals import NoConnection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RESPONSE_BYTES = 64 * 1024
"""Of one answer, with its head and whatever precedes it: no receiver needs more to say that it has accepted."""

IDLE_SECONDS = 1.5
"""After that a connection is not used again: gunicorn closes its own after 2 s, Node after 5 s, and a request that
crosses the closing would count as a failure of the receiver."""


_Poll = gevent.monkey.get_original("select", "poll")
"""The system's own, which is asked without waiting: through gevent, as urllib3 asks, it took 6 % of a delivery."""


class TooLong(Exception):
    """More than RESPONSE_BYTES came."""


class _Measured(io.RawIOBase):
    """A socket's stream that ends with TooLong.

    Without a limit here, endless interim responses (100 Continue) would be read in a loop that never waits: no deadline
    could end it, since no other greenlet would run.
    """

    def __init__(self, stream: io.RawIOBase) -> None:
        self._stream, self._left = stream, RESPONSE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if self._left <= 0:
            raise TooLong
        count: int | None = self._stream.readinto(memoryview(buffer)[: self._left])
        self._left -= count or 0
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


class MeasuredResponse(http.client.HTTPResponse):
    """An answer of which at most RESPONSE_BYTES are read."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fp = io.BufferedReader(_Measured(self.fp.detach()))


class _Checked(HTTPConnection):
    """Connects to the address that it was given, and makes sure that it is there."""

    response_class = MeasuredResponse

    def __init__(self, *args: Any, networks: Networks, scheme: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._networks, self._scheme = networks, scheme
        self.idle_since = time.monotonic()

    def _new_conn(self) -> socket.socket:
        """A socket that is connected, to where it should be; not by urllib3, which would look the address up."""
        address = ipaddress.ip_address(self.host)
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        made = gevent.socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(self.timeout)
            made.connect((self.host, self.port))
            peer = ipaddress.ip_address(made.getpeername()[0])
            self._networks.check(peer, self._scheme, self.port)
        except OSError as error:
            made.close()
            raise NoConnection(f"No connection: {error.strerror or 'it took too long'}.") from error
        except BaseException:
            made.close()
            raise
        return made

    @property
    def is_connected(self) -> bool:
        """Whether the next request may be sent over it: it was used just now, and nothing has arrived since, not even
        its end."""
        if self.sock is None or time.monotonic() - self.idle_since >= IDLE_SECONDS:
            return False
        looking = _Poll()
        looking.register(self.sock, select.POLLIN)
        return not looking.poll(0)


class _CheckedTLS(_Checked, HTTPSConnection):
    """With TLS, and the certificate of the name."""


class _Pool(HTTPConnectionPool):
    """Notes when a connection was used last."""

    def _put_conn(self, conn: Any) -> None:
        if conn:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class CheckedPool(_Pool):
    """Connections without TLS, for networks that WEBHOOK_ALLOW_NETS names."""

    ConnectionCls = _Checked


class CheckedTLSPool(_Pool, HTTPSConnectionPool):
    """Connections with TLS."""

    ConnectionCls = _CheckedTLS
