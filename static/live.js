/* The page goes on from where the server drew it: what the stream brings is merged by version. */

import * as act from "./act.js";
import * as bell from "./bell.js";
import * as board from "./board.js";
import * as clock from "./clock.js";
import * as order from "./order.js";
import { page, refresh } from "./page.js";
import { OnwardLive } from "./onward-live.js";

const WORDS = {
  live: "Live",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  signed_out: "Signed out",
  polling: "Updating every 10 s",
};
const SLOW_MS = 3_000; // a connection that takes longer is mentioned
const POLL_MS = 10_000;

function show(state) {
  const pill = document.getElementById("pill");
  pill.dataset.state = state;
  pill.textContent = WORDS[state];
  pill.hidden = false;
}

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
  if (document.getElementById("inbox")) anew();
}

/** Take a fresh page, and go on from its cursor: what happened while it was fetched is replayed, and merged. */
async function anew() {
  await refresh();
  clock.tellAll();
  order.toEnd();
  stream?.open(page.cursor);
}

/** Operators have no channel with all orders yet; their pages ask again and again while they are at rest. */
function poll() {
  show("polling");
  setInterval(() => !document.hidden && board.atRest() && refresh().then(clock.tellAll), POLL_MS);
}

let stream = null;
if (page.path !== location.pathname) history.replaceState(null, "", page.path); // a refused form's address is no page
clock.start();
board.start();
order.toEnd();
act.start(() => stream?.state === "live" || anew());
if (["operator", "auditor"].includes(page.boot.role)) {
  poll();
} else {
  stream = new OnwardLive({ cursor: page.cursor, hear, show });
  setTimeout(() => stream.state === "connecting" && show("connecting"), SLOW_MS);
}
addEventListener("pageshow", (event) => event.persisted && location.reload());
