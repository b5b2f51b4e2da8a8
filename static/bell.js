/* The bell: the unread count always comes from the server, which pushes it to every tab. */

import { text } from "./texts.js";

const LATE_MS = 2_000; // after a replay no count is pushed: it is asked for

let waiting;

/** There is a notification: its count follows in the stream. */
function awaitCount() {
  waiting ??= setTimeout(fetchCount, LATE_MS);
}

async function fetchCount() {
  waiting = undefined;
  const answer = await fetch("/api/notifications?limit=1").catch(() => null);
  if (answer?.ok) show((await answer.json()).unread_count);
}

/** `unread` is undefined for an event without a count. */
export function show(unread) {
  if (unread === undefined) return awaitCount();
  clearTimeout(waiting);
  waiting = undefined;
  const bell = document.getElementById("bell");
  const count = bell.querySelector(".count");
  bell.setAttribute("aria-label", text("unread", { count: unread }));
  count.textContent = unread < 100 ? unread : "99+";
  count.hidden = unread === 0;
  if (document.querySelector("[data-list]")) {
    document.title = (unread ? `(${unread}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  }
}
