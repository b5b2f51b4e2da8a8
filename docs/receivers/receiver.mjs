// A receiver of Onward's webhooks for Node 18 and newer, without dependencies: copy it, and replace `act`.
//
//     WEBHOOK_SECRET=whsec_... PORT=9000 node receiver.mjs
//
// It verifies each delivery, answers, and acts afterwards: on each event once, and on an order's newest version only.
// What it knows is in memory; keep it in your database, in one transaction, so that it survives a restart.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_SECONDS = 5 * 60;
const LARGEST_BODY = 1024 * 1024;
const REMEMBERED_MS = 7 * 24 * 3600 * 1000; // retries end after three days
const KNOWN = new Set(["order.created", "order.status_changed", "order.corrected", "order.updated", "message.created"]);

const key = Buffer.from(process.env.WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");
const seen = new Map(); // when, by webhook-id
const versions = new Map(); // by the order's id

// Whether one of the signatures is right and the delivery is fresh. The body is the bytes that arrived: JSON that is
// parsed and written again is other bytes.
function isGenuine(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!id || !signatures || !/^\d+$/.test(timestamp ?? "")) return false;
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) return false;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  return signatures.split(" ").some((signature) => {
    const [version, encoded] = signature.split(",");
    const given = Buffer.from(encoded ?? "", "base64");
    // Others than v1 are passed over. timingSafeEqual takes the same time wherever they differ.
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
}

// Whether there is anything to do.
function take(event) {
  const now = Date.now();
  for (const [id, at] of seen) {
    if (at > now - REMEMBERED_MS) break; // the oldest are first
    seen.delete(id);
  }
  if (seen.has(event.id)) return false;
  seen.set(event.id, now);
  if (!KNOWN.has(event.type)) return false;
  if (event.type === "message.created") return true;
  // Retries may come after newer events: an older version has nothing to say any more.
  if (event.version <= (versions.get(event.order.id) ?? 0)) return false;
  versions.set(event.order.id, event.version);
  return true;
}

// Yours. With a thin payload, read the order by its id first.
async function act(event) {
  console.log(event.type, event.id);
}

async function bodyOf(request) {
  const pieces = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > LARGEST_BODY) throw new Error("too long");
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function answer(request) {
  try {
    const body = await bodyOf(request);
    if (!isGenuine(request.headers, body)) return [400, { error: "not signed by Onward, or not now" }];
    const event = JSON.parse(body);
    const handled = take(event);
    if (handled) setImmediate(() => act(event).catch(console.error));
    return [200, { handled }];
  } catch (error) {
    return [400, { error: error.message }];
  }
}

const server = createServer(async (request, response) => {
  const [status, members] = await answer(request);
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(members));
});
server.listen(Number(process.env.PORT ?? 9000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
