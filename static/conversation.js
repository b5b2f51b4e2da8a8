/* The conversation of an order: whoever has the newest messages before them has seen them. */

import { page } from "./page.js";

let marked = 0;
let markedOrder;

const newest = () => Number(document.querySelector(".log li:last-child")?.dataset.message ?? 0);

/** On a page of earlier messages, or in a hidden tab, nobody has seen the newest ones. */
export async function markSeen() {
  const [id, upTo] = [document.getElementById("order")?.dataset.order, newest()];
  if (!id || !upTo || document.hidden || page.boot.role === "auditor" || new URLSearchParams(location.search).has("before") || (id === markedOrder && upTo <= marked)) return;
  [marked, markedOrder] = [upTo, id];
  const answer = await fetch(`/api/orders/${id}/messages/seen`, {
    method: "POST",
    body: JSON.stringify({ up_to: upTo }),
    headers: { "Content-Type": "application/json", "X-CSRFToken": document.querySelector('meta[name="csrf"]').content },
  }).catch(() => null);
  if (!answer?.ok) marked = 0; // the next message, or the next look at the page, tries again
}

export function toEnd() {
  const log = document.querySelector(".log");
  if (log) log.scrollTop = log.scrollHeight;
}

export function start() {
  look();
  document.addEventListener("visibilitychange", markSeen);
}

/** An order has been opened: its conversation is looked at from now on. */
export function look() {
  toEnd();
  markSeen();
  const log = document.querySelector(".log");
  if (log) new MutationObserver(markSeen).observe(log, { childList: true, subtree: true });
}
