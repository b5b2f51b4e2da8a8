/* Keeps a rendered page current: an event of the stream makes parts of it old. */

import * as act from "./act.js";
import * as bell from "./bell.js";
import * as clock from "./clock.js";
import { connect } from "./connection.js";
import * as conversation from "./conversation.js";
import * as copy from "./copy.js";
import * as drafts from "./drafts.js";
import { page } from "./page.js";
import * as palette from "./palette.js";
import * as parts from "./parts.js";
import * as shell from "./shell.js";
import * as shortcuts from "./shortcuts.js";

function onEvent(type, data) {
  if (type === "hello" || type === "heartbeat") return clock.setClock(data.at);
  if (type === "resync") return parts.outdateAll();
  const [kind] = type.split(".");
  if (kind === "notification") bell.show(data.unread_count);
  if (type === "notification.created" && data.notification) shell.notify(data.notification);
  if (type === "notification.count") return;
  parts.outdate({ kind, order: orderOf(data), statuses: [data.event?.from_status, data.order?.status].filter(Boolean) });
}

const orderOf = (data) => data.order?.id ?? data.message?.order_id ?? data.seen?.order_id;

if (page.path !== location.pathname + location.search) history.replaceState(null, "", page.path + location.hash); // the URL of a refused form is no page
clock.start(page.boot.time_zone);
drafts.start();
parts.start();
act.start();
conversation.start();
shell.start();
palette.start();
shortcuts.start();
copy.start();
connect({ cursor: page.cursor, onEvent });
