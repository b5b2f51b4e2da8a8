/* Forms without a reload: change a status, send a message. Errors are shown beside the form. */

import * as board from "./board.js";
import * as order from "./order.js";
import { nameOf, page, say } from "./page.js";
import { bare, freshKey, labelOf, showError, slot } from "./paint.js";
import { text } from "./texts.js";

const TIMEOUT_MS = 15_000;
const GUARD_MS = 500; // after a card has moved away from the pointer, the second click of a double click must hit no other card

let guardedUntil = 0;

/** Send JSON; the returned status is 0 if there was no response. */
async function send(method, path, body, headers = {}) {
  try {
    const answer = await fetch(path, {
      method,
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "X-CSRFToken": page.csrf, ...headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: answer.status, data: await answer.json().catch(() => ({})) };
  } catch {
    return { status: 0, data: {} };
  }
}

function wanted(fields) {
  const body = { status: fields.to.value };
  if (fields.reason) body.reason = fields.reason.value;
  if (fields.quiet?.checked) body.notify = false;
  const parcel = ["carrier", "number", "url"].map((name) => [name, fields[`tracking_${name}`]?.value.trim()]);
  if (parcel.some(([, value]) => value)) body.tracking = Object.fromEntries(parcel.filter(([, value]) => value));
  return body;
}

async function move(form, after) {
  const holder = form.closest("[data-order]");
  if ("busy" in holder.dataset) return;
  const fields = form.elements;
  const headers = { "If-Match": `"${fields.version.value}"`, "Idempotency-Key": fields.key.value };
  pending(holder, form, true);
  const answer = await send("PATCH", form.action.replace("/orders/", "/api/orders/"), wanted(fields), headers);
  pending(holder, form, false);
  // After a response the next click is a new change; without one it repeats the same change, with the same key.
  if (answer.status) fields.key.value = freshKey();
  if (answer.status === 200) {
    merge(answer.data, true);
    guardedUntil = performance.now() + GUARD_MS;
    say(text("changed", { number: bare(answer.data.number), status: labelOf(answer.data.status).text }));
    return after();
  }
  if (answer.data.current) merge(answer.data.current, false);
  const reason = refusal(answer, fields.to.value);
  showError(holder, reason);
  return say(reason, true);
}

function merge(changed, mine) {
  board.mergeOrder(changed, mine);
  order.mergeOrder(changed);
}

/** The card stays where it is until the server confirms the change; until then it is shown as busy. */
function pending(holder, form, on) {
  const button = slot(form, "go");
  if (on) {
    holder.dataset.busy = "";
    showError(holder, "");
    button.setAttribute("aria-busy", "true");
  } else {
    delete holder.dataset.busy;
    button.removeAttribute("aria-busy");
  }
}

function refusal({ status, data }, to) {
  if (status === 401) return text("signed_out");
  if (status === 400) return text("too_old");
  if (status === 0 || status >= 500) return text("unavailable");
  const label = data.current && labelOf(data.current.status).text;
  if (status === 412 && data.changed) {
    const name = data.allowed_transitions.includes(to) ? "stale_but_possible" : "stale";
    return text(name, { actor: actorOf(data), status: label });
  }
  if (status === 409 && label) return text("impossible", { status: label });
  return data.detail ?? text("unavailable");
}

function actorOf({ changed, current }) {
  const { names, role } = page.boot;
  return nameOf(changed.actor, role === "buyer" ? names : { ...names, buyer: current.buyer_name });
}

async function sendMessage(form, after) {
  const field = form.elements.body;
  if (!field.value.trim() || "busy" in form.dataset) return;
  form.dataset.busy = "";
  showError(form, "");
  // Without a response, sending the same text again repeats the same message, with the same key.
  const kind = form.elements.internal?.checked ? form.elements.internal.value : "person";
  const sent = kind + field.value;
  if (form.dataset.sent !== sent) Object.assign(form.dataset, { sent, key: freshKey() });
  const headers = { "Idempotency-Key": form.dataset.key };
  const body = { body: field.value, kind };
  const answer = await send("POST", form.action.replace("/orders/", "/api/orders/"), body, headers);
  delete form.dataset.busy;
  if (answer.status === 201) {
    field.value = "";
    delete form.dataset.sent;
    order.mergeMessage(answer.data);
    return after();
  }
  const known = { 400: text("too_old"), 401: text("signed_out"), 422: answer.data.detail, 429: answer.data.detail };
  showError(form, known[answer.status] ?? text("unsent"));
  return say(text("maybe_unsent"), true);
}

let marked = 0;

/** Whoever has the newest messages before them has seen them; on a page of earlier ones, or in a hidden tab, nobody has. */
export async function markSeen() {
  const newest = order.newestMessage();
  if (document.hidden || page.boot.role === "auditor" || location.search || newest <= marked) return;
  marked = newest;
  const id = document.getElementById("order").dataset.order;
  const answer = await send("POST", `/api/orders/${id}/messages/seen`, { up_to: newest });
  if (answer.status === 200) order.showUnread(answer.data.unread_count);
  else marked = 0; // the next message, or the next look at the page, tries again
}

function closeMenus(unless) {
  for (const menu of document.querySelectorAll(".more[open]")) {
    if (menu.contains(unless)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

/** `after` is called after a successful change, to reload what a broken stream would not deliver. */
export function start(after) {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const act = form.matches("form.move") ? move : form.matches("form.say") ? sendMessage : null;
    if (!act) return;
    event.preventDefault();
    act(form, after);
  });
  document.addEventListener("click", (event) => {
    if (performance.now() < guardedUntil && event.target.closest(".card button")) event.preventDefault();
  });
  document.addEventListener("pointerdown", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus(null);
    const typed = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.closest("form.say textarea");
    if (!typed || !matchMedia("(pointer: fine)").matches) return;
    event.preventDefault();
    typed.form.requestSubmit();
  });
}
