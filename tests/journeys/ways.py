"""What the journeys of both ways of a stream share: how a service is configured for one, and what its log says."""

from __future__ import annotations

import json
from typing import Any

from tests.journeys.server import Server

WAYS = {"socket": "1", "iterator": "0"}


def lines(server: Server, event: str) -> list[dict[str, Any]]:
    """The access log's lines about streams."""
    found = [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]
