"""Requests over urllib3, repeated until they are answered."""

from __future__ import annotations

import time
from typing import TypeVar

import urllib3

from onward_client.call import Call
from onward_client.credentials import Credentials, Token
from onward_client.errors import OnwardError
from onward_client.exchange import CONNECT_SECONDS, Exchange
from onward_client.values import Value

T = TypeVar("T", bound=Value)


class Transport:
    """One service and one token; thread-safe."""

    def __init__(self, url: str, token: Token, timeout: float, patience: float) -> None:
        self.url = url.rstrip("/")
        self.credentials = Credentials(token)
        self._timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout)
        self._patience = patience
        self.pool = urllib3.PoolManager(num_pools=1, maxsize=16, retries=False)

    def close(self) -> None:
        self.pool.clear()

    def send(self, call: Call[T]) -> T:
        """The result of a call; changes are applied once, however often they have to be sent."""
        exchange = Exchange(call, self.url, self._patience)
        while True:
            token = self.credentials.token()
            try:
                return self._once(exchange, token)
            except OnwardError as error:
                if not (exchange.may_renew(error) and self.credentials.forget(token)):
                    time.sleep(exchange.pause(error))

    def _once(self, exchange: Exchange[T], token: str) -> T:
        try:
            answer = self.pool.request(
                exchange.method,
                exchange.url,
                body=exchange.body,
                headers=exchange.headers(token),
                timeout=self._timeout,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            never_sent = isinstance(
                error, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
            )
            raise exchange.unanswered(error, never_sent=never_sent) from error
        return exchange.result(answer.status, answer.headers, answer.data)
