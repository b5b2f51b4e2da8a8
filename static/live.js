/* Keeps a rendered page current: merges the stream's events by version. */

import * as act from "./act.js";
import * as bell from "./bell.js";
import * as board from "./board.js";
import * as clock from "./clock.js";
import * as order from "./order.js";
import { page, refresh } from "./page.js";
import { OnwardLive } from "./onward-live.js";
import { show } from "./pill.js";

const SLOW_MS = 3_000; // a slower connection is shown
const REFRESH_MS = 2_000; // events within this time cause one refresh
const REST = 9; // wait this many times the duration of the last refresh: a board of 200,000 open orders must not keep the service busy

function onEvent(type, data) {
  if (type === "hello" || type === "heartbeat") clock.setClock(data.at);
  else if (type === "resync") reload();
  else if (type === "message.created") {
    order.mergeMessage(data.message);
    act.markSeen();
  } else if (type === "message.seen") order.mergeMark(data.seen);
  else if (type === "notification.count") bell.show(data.unread_count);
  else if (type === "notification.created" || type === "notification.read") inboxChanged(data.unread_count);
  else if (data.order) {
    board.mergeOrder(data.order, false, data.event?.from_status);
    order.mergeOrder(data.order, data.event);
  }
}

function inboxChanged(unread) {
  if (unread === undefined) bell.awaitCount();
  else bell.show(unread);
  if (document.getElementById("inbox")) later(reload);
}

/** Fetch the page again and continue from its cursor: events from meanwhile are replayed and merged. */
async function reload() {
  try {
    await refresh();
  } catch {
    return later(reload);
  }
  clock.showAll();
  order.toEnd();
  act.markSeen();
  stream.open(page.cursor);
}

/** Run `act` soon, once for all events until then. */
function later(act) {
  waiting ??= setTimeout(() => ((waiting = null), act()), Math.max(REFRESH_MS, REST * page.took));
}

/** Operators receive the sellers' events, whose `allowed_transitions` are the sellers': use them only as a trigger to refresh. */
function onOperatorEvent(type, data) {
  if (type === "hello" || type === "heartbeat") clock.setClock(data.at);
  else later(refreshBoard);
}

function refreshBoard() {
  if (document.hidden || !board.atRest()) later(refreshBoard);
  else refresh().then(refreshed, () => later(refreshBoard));
}

function refreshed() {
  clock.showAll();
  act.markSeen();
}

let waiting = null;
if (page.path !== location.pathname) history.replaceState(null, "", page.path); // the URL of a refused form is not a page
clock.start(page.boot.time_zone);
board.start();
order.toEnd();
act.start(() => stream.state === "live" || reload());
const operating = ["operator", "auditor"].includes(page.boot.role);
const stream = new OnwardLive({ cursor: page.cursor, onEvent: operating ? onOperatorEvent : onEvent, onState: show });
act.markSeen();
document.addEventListener("visibilitychange", act.markSeen);
setTimeout(() => stream.state === "connecting" && show("connecting"), SLOW_MS);
addEventListener("pageshow", (event) => event.persisted && location.reload());
