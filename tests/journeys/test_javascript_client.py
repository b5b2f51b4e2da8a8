"""The JavaScript client against real processes, in Node and a browser; the README's examples."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime

import pytest
import standardwebhooks

from tests.cast import new_order
from tests.conftest import PROJECT
from tests.journeys.browsers import needs_browser
from webhooks.examination import points
from webhooks.signatures import secret_of

CLIENT = PROJECT / "clients" / "javascript"
README = re.findall(r"```js\n(.*?)```", (CLIENT / "README.md").read_text(), re.DOTALL)

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(shutil.which("node") is None, reason="nothing here runs JavaScript"),
]

PLAY = """
import { Conflict, IllegalTransition, Missing, Onward, Stale } from "onward-client";

const { url, shop, bob, order, key } = JSON.parse(process.env.CAST);
const said = {};
const service = new Onward(url, { token: shop });
const seller = new Onward(url, { token: async () => bob });

const placed = await service.createOrder(order, { key });
said.again = (await service.createOrder(order, { key })).id === placed.id;
const { next_cursor: cursor } = await seller.listEvents({ limit: 500 });
const events = seller.listen({ cursor });
const moved = await seller.changeStatus(placed.id, "CONFIRMED", { version: 1 });
said.moved = [moved.status, moved.version, moved.http.etag.startsWith('"2'), moved.http.requestId.length > 8];
for await (const event of events) {
  if (event.data.order?.id === placed.id && event.data.event?.version === 2) {
    said.event = [event.type, event.data.order.status, event.id === events.cursor];
    break;
  }
}
said.closed = events.closed;
said.refused = [];
for (const act of [
  () => seller.changeStatus(placed.id, "DELIVERED"),
  () => seller.changeStatus(placed.id, "PREPARING", { version: 1 }),
  () => seller.getOrder(placed.id + 1_000_000),
]) {
  await act().catch((error) => said.refused.push([error.name, error.status, error.requestId.length > 8]));
}
said.groups = [IllegalTransition.prototype instanceof Conflict, new Stale(412).name, new Missing(404).name];
const results = await seller.changeMany([
  { order_id: placed.id, status: "PREPARING" },
  { order_id: placed.id, status: "REFUNDED" },
]);
said.results = results.map(({ order, error }) => order?.version ?? error.name);
said.orders = [];
const filters = { status: ["PREPARING", "SHIPPED"], limit: 1 };
for await (const one of seller.orders(filters)) said.orders.push(one.id === placed.id);
said.history = [];
for await (const row of seller.history(placed.id)) said.history.push(row.to_status);
said.message = (await seller.createMessage(placed.id, { body: "It leaves today." })).body;
console.log(JSON.stringify(said));
"""


POSTING = """
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const statuses = [];
for (const [headers, body] of sent) {
  const { port } = server.address();
  statuses.push((await fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers, body })).status);
}
console.log(JSON.stringify(statuses));
process.exit();
"""


IN_BROWSER = """
async ([token, order, secret, headers, webhook]) => {
  const { NotFound, Onward, Webhook } = await import("/client/index.js");
  const onward = new Onward(location.origin, { token });
  const placed = await onward.createOrder(order);
  const { next_cursor: cursor } = await onward.listEvents({ channels: `seller:${order.seller_id}`, limit: 500 });
  const channels = [`seller:${order.seller_id}`];
  const changed = onward.changeStatus(placed.id, "CANCELLED", { reason: "Sold out." });
  let status;
  for await (const event of onward.listen({ cursor, channels })) {
    if ((status = event.data.order?.status) === "CANCELLED") break;
  }
  const missing = onward.getOrder(placed.id + 1_000_000);
  const refused = await missing.catch((error) => error instanceof NotFound && error.requestId);
  const event = await new Webhook(secret).verify(webhook, headers);
  return [status, (await changed).version, refused.length > 8, event.type];
}
"""


SECRET, BODY = "whsec_" + "A" * 43 + "=", '{"type": "order.created"}'


def signed():
    """The headers of a webhook that is sent now."""
    signature = standardwebhooks.Webhook(SECRET).sign("1.1", datetime.now(UTC).replace(tzinfo=None), BODY)
    return {"webhook-id": "1.1", "webhook-timestamp": str(int(time.time())), "webhook-signature": signature}


def in_node(folder, script, cast):
    """What a module prints that has our client beside it, as npm installs it."""
    (folder / "node_modules").mkdir(exist_ok=True)
    (folder / "node_modules" / "onward-client").symlink_to(CLIENT)
    (folder / "play.mjs").write_text(script)
    env = {"PATH": os.environ["PATH"], "CAST": json.dumps(cast)}
    done = subprocess.run(["node", "play.mjs"], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_order_is_placed_moved_refused_listed_and_heard_of(server, tmp_path):
    cast = server.cast()
    order = new_order(cast.bob.id, cast.alice.id)
    told = {
        "url": server.url,
        "shop": cast.shop.token,
        "bob": cast.bob.token,
        "order": order,
        "key": f"js-{cast.bob.id}",
    }

    assert {
        "again": True,
        "moved": ["CONFIRMED", 2, True, True],
        "event": ["order.status_changed", "CONFIRMED", True],
        "closed": True,
        "refused": [["IllegalTransition", 409, True], ["StaleVersion", 412, True], ["NotFound", 404, True]],
        "groups": [True, "Stale", "Missing"],
        "results": [3, "IllegalTransition"],
        "orders": [True],
        "history": ["PENDING", "CONFIRMED", "PREPARING"],
        "message": "It leaves today.",
    } == json.loads(in_node(tmp_path, PLAY, told))


def test_the_examples_of_the_readme_work(server, tmp_path):
    cast = server.cast()
    order = cast.place()
    for status in ("CONFIRMED", "PREPARING"):
        cast.bob.move(order["id"], status)
    cursor = cast.bob.get("/api/events").json["next_cursor"]
    calls, stream, _ = README
    ended = stream.replace("event.data);", "event.data) ?? stream.close();").replace(
        "{ cursor }", f'{{ cursor: "{cursor}" }}'
    )
    example = (calls + ended).replace("https://orders.example", server.url).replace("…", cast.bob.token)

    said = in_node(tmp_path, re.sub(r"\b17\b", str(order["id"]), example), {})

    assert "allowed are" in said
    assert order["number"] in said
    assert "order.status_changed" in said


@pytest.mark.browser
@needs_browser
def test_it_works_in_a_browser(server, visitors):
    cast = server.cast()
    page = visitors.guest(bypass_csp=True)
    visitors.expected = re.compile("404")
    sources = CLIENT / "src"
    page.route(
        "**/client/**",
        lambda route: route.fulfill(
            path=sources / route.request.url.partition("/client/")[2], content_type="text/javascript"
        ),
    )
    page.goto("/livez")
    order = new_order(cast.bob.id, cast.alice.id)

    assert ["CANCELLED", 2, True, "order.created"] == page.evaluate(
        IN_BROWSER, [cast.shop.token, order, SECRET, signed(), BODY]
    )


def test_the_receiver_of_the_readme_takes_what_is_signed(tmp_path):
    """And makes none of the mistakes that `flask webhooks examine` looks for."""
    deliveries = points(secret_of(SECRET), int(time.time()))
    sent = json.dumps([[signed(), BODY], *([one.headers, one.body.decode()] for one in deliveries)])
    receiver = README[2].replace("process.env.WEBHOOK_SECRET", json.dumps(SECRET))

    said = in_node(tmp_path, f"{receiver}\nconst sent = {sent};\n{POSTING}", {}).splitlines()

    first, *statuses = json.loads(said[-1])
    assert ("1.1 order.created", 204) == (said[0], first)
    assert len(deliveries) == len(statuses) >= 15
    for one, status in zip(deliveries, statuses, strict=True):
        assert status in {True: (204,), False: (400,), None: (204, 400)}[one.accepts], one.name
