"""`GET /t/<link>/stream`: the changes of one order as Server-Sent Events, for anyone with its tracking link."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import partial

from flask import Blueprint, Response, request

from access.throttle import place_of
from access.tracking_links import REPLY, Followed, TrackingLinks
from foundation.errors import TooManyRequests
from foundation.strict_reading import refuse_repeated
from realtime.followed import channel_of
from realtime.limits import CROWDED_RETRY_MS
from realtime.routes import HEADERS, answer
from realtime.stream import Streams
from realtime.subscriber import Listener

Count = Callable[[str], list[tuple[str, str]]]
"""Counts one read from this address; returns the header fields of its rate, raises TooManyRequests beyond it."""


def blueprint(streams: Streams, links: TrackingLinks, count: Count) -> Blueprint:
    """The stream of a link. It is no part of the API: the link in its path is the credential."""
    routes = Blueprint("link_stream", __name__)

    @routes.get("/t/<link>/stream")
    def follow(link: str) -> Response:
        refuse_repeated()
        cursor = request.headers.get("Last-Event-ID") or request.args.get("last_event_id", "")
        found = follower(links.read(link), request.remote_addr or "", cursor, partial(links.holds, link))
        try:
            rate = dict(count(found.address or found.who))
        except TooManyRequests as refused:
            return Response(streams.refusal("too many requests"), headers=HEADERS | refused.headers)
        if streams.is_crowded(found.address):
            return Response(streams.refusal("too many streams", CROWDED_RETRY_MS), headers=HEADERS | rate)
        response = answer(streams, found)
        response.headers.extend(rate)
        return response

    return routes


def follower(followed: Followed, address: str, cursor: str, may_still: Callable[[], bool]) -> Listener:
    """Who follows the order of a link from this cursor on.

    Limited by address, not by order: whoever has a link could otherwise close the streams of the others.
    """
    reader = followed.principal
    channels = (channel_of(reader.who, followed.order_id, REPLY in followed.may),)
    where = counted_address(address)
    end, credential = reader.expires_at, reader.credential
    return Listener(reader.who, channels, cursor, end, credential, False, where, may_still, reader.via)


def counted_address(address: str) -> str:
    """The name under which the requests of a client's address are counted; empty if they are not: everything that comes
    through a proxy on this machine which is not configured has the same."""
    try:
        local = ipaddress.ip_address(address).is_loopback
    except ValueError:
        local = True  # a Unix socket
    return "" if local else f"address:{place_of(address)}"
