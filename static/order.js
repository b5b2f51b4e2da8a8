/* One order's page: its status, the steps, the history and the conversation. */

import { page } from "./page.js";
import { badge, clone, flash, icon, moves, slot, tone, formError, when, wordOf, write } from "./paint.js";

const article = () => document.getElementById("order");
const isHere = (id) => article()?.dataset.order === String(id);

/** Keep the higher version of the order, and every event of its history once. */
export function mergeOrder(order, event) {
  if (!isHere(order.id)) return;
  if (event) remember(event);
  if (order.version > Number(article().dataset.version)) paint(order);
}

function remember(event) {
  const events = page.boot.events;
  if (events.some((known) => known.id === event.id)) return;
  events.push(event);
  events.sort((a, b) => a.version - b.version);
  document.getElementById("steps").replaceChildren(...steps(events));
  document.getElementById("history").replaceChildren(...events.map(entry).reverse());
  write(document, "updates", events.length);
}

function steps(events) {
  const last = events.length - 1;
  const past = events.map((event, at) => step(event.to_status, at === last ? "now" : "done", event.at));
  return [...past, ...(page.boot.ahead[events[last].to_status] ?? []).map((status) => step(status, "ahead", ""))];
}

function step(status, state, at) {
  const element = clone("step");
  const word = wordOf(status);
  element.dataset.state = state;
  if (state === "now") element.setAttribute("aria-current", "step");
  tone(element, word.tone);
  icon(element, word.icon);
  write(element, "word", word.word);
  write(element, "later", state === "ahead" ? "not yet" : "");
  when(element, at);
  return element;
}

function entry(event) {
  const element = clone("entry");
  badge(element, wordOf(event.to_status));
  write(element, "who", page.boot.names[event.actor.role] ?? event.actor.role);
  when(element, event.at);
  write(element, "reason", event.reason ?? "");
  slot(element, "reason").hidden = !event.reason;
  return element;
}

function paint(order) {
  const [root, hero, word] = [article(), document.getElementById("hero"), wordOf(order.status)];
  Object.assign(root.dataset, { version: order.version, status: order.status });
  badge(hero, word);
  if (slot(hero, "word")) {
    tone(hero, word.tone);
    icon(hero, word.icon);
    write(hero, "word", word.word);
    write(hero, "lead", word.lead);
    document.title = `${word.word} · #${order.number} · Onward`;
  } else {
    document.title = `#${order.number} · ${word.word} · Onward`;
  }
  write(hero, "version", order.version);
  when(hero, order.updated_at, "updated");
  moves(root, order);
  parcel(order.tracking);
  formError(root, "");
  flash(hero);
}

function parcel(tracking) {
  const element = document.getElementById("parcel");
  element.hidden = !tracking;
  if (!tracking) return;
  write(element, "carrier", tracking.carrier);
  write(element, "code", tracking.number);
  const link = slot(element, "open");
  link.hidden = !tracking.url;
  // The server lets only http and https in; a link is the one place where text could act.
  if (/^https?:\/\//.test(tracking.url ?? "")) link.href = tracking.url;
}

/** Add a message once, wherever it came from first: the answer to our own, or the stream. */
export function mergeMessage(message) {
  if (!isHere(message.order_id)) return;
  const log = document.querySelector(".log");
  if (log.querySelector(`[data-message="${message.id}"]`)) return;
  const { author } = message;
  const mine = author?.role === page.boot.role && author.id === page.boot.id;
  const element = clone("message");
  element.dataset.message = message.id;
  element.classList.add(message.kind === "system" ? "system" : mine ? "mine" : "theirs");
  write(element, "body", message.body);
  write(element, "who", mine ? "You" : author ? (page.boot.names[author.role] ?? author.role) : "");
  when(element, message.created_at);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const later = [...log.children].find((other) => Number(other.dataset.message) > message.id);
  log.insertBefore(element, later ?? null);
  if (mine || atEnd) toEnd();
}

export function toEnd() {
  const log = document.querySelector(".log");
  if (log) log.scrollTop = log.scrollHeight;
}
