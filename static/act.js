/* Forms without a reload: move an order, say something. What goes wrong is told beside what failed. */

import * as board from "./board.js";
import * as order from "./order.js";
import { page, say } from "./page.js";
import { freshKey, slot, formError, wordOf, write } from "./paint.js";

const PATIENCE_MS = 15_000;
const AWAY = "The service isn't answering. Nothing may have changed. Try again.";
const TOO_OLD = "This page is too old. Reload it and try again.";
const SIGNED_OUT = "You've been signed out. Sign in to continue.";
const GUARD_MS = 500; // after a card has left from under the pointer, the second half of a double click hits nobody

let guardedUntil = 0;

/** Send JSON; the answer's status is 0 where none came. */
async function send(method, path, body, headers = {}) {
  try {
    const answer = await fetch(path, {
      method,
      body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "X-CSRFToken": page.csrf, ...headers },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return { status: answer.status, data: await answer.json().catch(() => ({})) };
  } catch {
    return { status: 0, data: {} };
  }
}

function wanted(fields) {
  const body = { status: fields.to.value };
  if (fields.reason) body.reason = fields.reason.value;
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
  // After an answer the next click is another wish; without one it is the same wish once more, under the same key.
  if (answer.status) fields.key.value = freshKey();
  if (answer.status === 200) {
    merge(answer.data, true);
    guardedUntil = performance.now() + GUARD_MS;
    say(`Order #${answer.data.number} is now ${wordOf(answer.data.status).word}.`);
    return after();
  }
  if (answer.data.current) merge(answer.data.current, false);
  const text = refusal(answer, fields.to.value);
  formError(holder, text);
  return say(text, true);
}

function merge(changed, mine) {
  board.mergeOrder(changed, mine);
  order.mergeOrder(changed);
}

/** The card stays where it is until the server agrees; it shows that it is on its way. */
function pending(holder, form, on) {
  const button = slot(form, "go");
  if (on) {
    holder.dataset.busy = "";
    formError(holder, "");
    button.setAttribute("aria-busy", "true");
  } else {
    delete holder.dataset.busy;
    button.removeAttribute("aria-busy");
  }
}

function refusal({ status, data }, to) {
  if (status === 401) return SIGNED_OUT;
  if (status === 400) return TOO_OLD;
  if (status === 0 || status >= 500) return AWAY;
  const word = data.current && wordOf(data.current.status).word;
  if (status === 412 && data.changed) {
    const advice = data.allowed_transitions.includes(to) ? " Check it and try again." : "";
    return `${actorOf(data)} moved this order to “${word}” before you.${advice}`;
  }
  if (status === 409 && word) return `This order is “${word}” now, so this is no longer possible.`;
  return data.detail ?? AWAY;
}

function actorOf({ changed, current }) {
  const { role } = changed.actor;
  if (role === "buyer" && page.boot.role !== "buyer") return current.buyer_name;
  return page.boot.names[role] ?? "Somebody";
}

async function speak(form, after) {
  const text = form.elements.body;
  if (!text.value.trim() || "busy" in form.dataset) return;
  form.dataset.busy = "";
  formError(form, "");
  // Without an answer, the same words once more are the same message, and sent under the same key.
  if (form.dataset.said !== text.value) Object.assign(form.dataset, { said: text.value, key: freshKey() });
  const headers = { "Idempotency-Key": form.dataset.key };
  const answer = await send("POST", form.action.replace("/orders/", "/api/orders/"), { body: text.value }, headers);
  delete form.dataset.busy;
  if (answer.status === 201) {
    text.value = "";
    delete form.dataset.said;
    order.mergeMessage(answer.data);
    return after();
  }
  const known = { 400: TOO_OLD, 401: SIGNED_OUT, 422: answer.data.detail };
  formError(form, known[answer.status] ?? "The service isn't answering. Try again: nothing is sent twice.");
  return say("It may not have been sent.", true);
}

function closeMenus(unless) {
  for (const menu of document.querySelectorAll(".more[open]")) {
    if (menu.contains(unless)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

/** `after` is called when something was done, to fetch what a dead stream would not bring. */
export function start(after) {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const act = form.matches("form.move") ? move : form.matches("form.say") ? speak : null;
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
