/* The page goes on from where the server drew it: what the stream brings is merged by version. */

import * as act from "./act.js";
import * as bell from "./bell.js";
import * as board from "./board.js";
import * as clock from "./clock.js";
import * as order from "./order.js";
import { page, refresh } from "./page.js";
import { OnwardLive } from "./onward-live.js";
import { show } from "./pill.js";

const SLOW_MS = 3_000; // a connection that takes longer is mentioned
const LOOK_MS = 2_000; // what happens within this time is one look
const REST = 9; // times as long as the last look took: a board of 200,000 open orders must not keep the service busy

function hear(type, data) {
  if (type === "hello" || type === "heartbeat") clock.setClock(data.at);
  else if (type === "resync") anew();
  else if (type === "message.created") order.mergeMessage(data.message);
  else if (type === "notification.created") notified();
  else {
    board.mergeOrder(data.order, false, data.event?.from_status);
    order.mergeOrder(data.order, data.event);
  }
}

function notified() {
  bell.ring();
  if (document.getElementById("inbox")) later(anew);
}

/** Take a fresh page, and go on from its cursor: what happened while it was fetched is replayed, and merged. */
async function anew() {
  try {
    await refresh();
  } catch {
    return later(anew);
  }
  clock.tellAll();
  order.toEnd();
  stream.open(page.cursor);
}

/** Soon, and once for all that happens until then. */
function later(act) {
  looking ??= setTimeout(() => ((looking = null), act()), Math.max(LOOK_MS, REST * page.took));
}

/** Operators hear what sellers are told, with sellers' next moves in it: they are told by it to look for themselves. */
function overhear(type, data) {
  if (type === "hello" || type === "heartbeat") clock.setClock(data.at);
  else later(look);
}

function look() {
  if (document.hidden || !board.atRest()) later(look);
  else refresh().then(clock.tellAll, () => later(look));
}

let looking = null;
if (page.path !== location.pathname) history.replaceState(null, "", page.path); // a refused form's address is no page
clock.start();
board.start();
order.toEnd();
act.start(() => stream.state === "live" || anew());
const operating = ["operator", "auditor"].includes(page.boot.role);
const stream = new OnwardLive({ cursor: page.cursor, hear: operating ? overhear : hear, show });
setTimeout(() => stream.state === "connecting" && show("connecting"), SLOW_MS);
addEventListener("pageshow", (event) => event.persisted && location.reload());
