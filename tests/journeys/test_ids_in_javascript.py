"""JavaScript reads every id as the one that was meant: it takes a number beyond 2^53-1 for another."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from foundation.contract import LARGEST_ID
from tests.cast import new_order

pytestmark = pytest.mark.journey

SCRIPT = """
const [url, token, body] = process.argv.slice(1);
const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
const made = await (await fetch(`${url}/api/orders`, { method: "POST", headers, body })).json();
const read = await (await fetch(`${url}/api/orders/${made.id}`, { headers })).json();
const list = await (await fetch(`${url}/api/orders?seller_id=${read.seller_id}`, { headers })).json();
console.log(JSON.stringify({ made, read: String(read.seller_id), safe: Number.isSafeInteger(read.seller_id), list }));
"""


def in_node(*arguments: str) -> object:
    node = shutil.which("node")
    if node is None:
        pytest.skip("nothing here runs JavaScript")
    command = [node, "--input-type=module", "-e", SCRIPT, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout)


def test_the_largest_id_is_read_as_it_was_sent(server):
    said = in_node(server.url, server.cast().shop.token, json.dumps(new_order(LARGEST_ID, 1)))

    assert (str(LARGEST_ID), True) == (said["read"], said["safe"])
    assert said["made"]["id"] in [one["id"] for one in said["list"]["orders"]]


@pytest.mark.parametrize("id", [2**53, 2**53 + 1, 2**63 - 1])
def test_an_id_that_would_be_read_as_another_is_refused(server, id):
    """9007199254740993 was stored, and read as …992."""
    cast = server.cast()
    for reply in (
        cast.shop.post("/api/orders", new_order(id, 1)),
        cast.shop.post("/api/orders", new_order(1, id)),
        cast.shop.get(f"/api/orders?seller_id={id}"),
        cast.olive.post("/api/ops/keys", {"role": "service", "id": id, "name": "a key", "scopes": ["orders:read"]}),
    ):
        assert 422 == reply.status
        assert str(LARGEST_ID) in reply.json["detail"]
    assert 404 == cast.shop.get(f"/api/orders/{id}").status
    token = server.token("seller", id)
    answer = server.http.get(f"{server.url}/api/me", headers={"Authorization": f"Bearer {token}"}, timeout=10)
    assert (401, True) == (answer.status_code, "sub is not an id" in answer.json()["detail"])


def test_an_id_is_a_number_and_no_text(server):
    reply = server.cast().shop.post("/api/orders", new_order(1, 1) | {"seller_id": "9007199254740993"})

    assert (422, "seller_id") == (reply.status, reply.json["errors"][0]["field"])
