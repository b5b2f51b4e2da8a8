"""The asynchronous Python client against real processes: the same operations, many at once, and live events."""

from __future__ import annotations

import asyncio

import pytest
from onward_client import Change, IllegalTransition, models
from onward_client.aio import AsyncOnward

from tests.cast import new_order
from tests.facts import awaited

pytestmark = pytest.mark.journey


def test_orders_are_moved_at_once_and_their_events_are_received(server):
    cast = server.cast()

    async def play():
        async with AsyncOnward(server.url, cast.shop.token) as shop, AsyncOnward(server.url, cast.bob.token) as bob:
            placing = (shop.create_order(new_order(cast.bob.id, cast.alice.id)) for _ in range(8))
            placed = await asyncio.gather(*placing)
            events = bob.listen(placed and (await bob.list_events(limit=1)).next_cursor)
            moved = await asyncio.gather(*(bob.change_status(one.id, "CONFIRMED", version=1) for one in placed))
            seen = set()
            async for event in events:
                if event.type == "order.status_changed":
                    seen.add((event.order.id, event.change.version))
                if len(seen) == len(placed):
                    break
            await events.close()
            with pytest.raises(IllegalTransition) as refused:
                await bob.change_status(placed[0].id, "DELIVERED")
            results = await bob.change_many([Change(one.id, "PREPARING") for one in placed])
            listed = [one.id async for one in bob.orders(status=["PREPARING"])]
            rows = [one.to_status async for one in bob.history(placed[0].id)]
            return placed, moved, seen, refused.value, results, listed, rows

    placed, moved, seen, refused, results, listed, rows = awaited(play())

    assert isinstance(moved[0], models.Order)
    assert {(one.id, 2) for one in placed} == seen
    assert ["PREPARING", "CANCELLED"] == refused.members["allowed_transitions"]
    assert refused.request_id
    assert [3] * 8 == [one.order.version for one in results]
    assert sorted(one.id for one in placed) == sorted(listed)
    assert ["PENDING", "CONFIRMED", "PREPARING"] == rows
    assert len({one.http.request_id for one in (*placed, *moved)}) == 16
