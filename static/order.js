/* The page of one order: its status, the steps, the history and the conversation. */

import { nameOf, page } from "./page.js";
import { badge, bare, clone, corrections, flash, icon, labelOf, moves, showError, slot, tone, when, write } from "./paint.js";
import { show } from "./clock.js";
import { dates, knows, text } from "./texts.js";

const DAY = { day: "numeric", month: "short", timeZone: "UTC" };

const article = () => document.getElementById("order");
const isHere = (id) => article()?.dataset.order === String(id);

/** Keep the higher version of the order, and every event of its history once. */
export function mergeOrder(order, event) {
  if (!isHere(order.id)) return;
  if (event) remember(event);
  if (event?.type === "order.updated") refreshDetails();
  if (order.version > Number(article().dataset.version)) paint(order);
  if (order.version === Number(article().dataset.version)) corrections(article(), order, page.boot.events);
}

function remember(event) {
  const events = page.boot.events;
  if (events.some((known) => known.id === event.id)) return;
  events.push(event);
  events.sort((a, b) => a.version - b.version);
  document.getElementById("steps").replaceChildren(...steps(events));
  document.getElementById("history").replaceChildren(...events.map(entry).reverse());
  write(document, "updates", events.at(-1).version);
}

/** What an edit may have changed is rendered by the server alone. */
async function refreshDetails() {
  const answer = await fetch(page.path, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer?.ok) return; // the next refresh of the page shows it
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const theirs of fresh.querySelectorAll("[data-detail]")) {
    document.querySelector(`[data-detail="${theirs.dataset.detail}"]`)?.replaceWith(document.adoptNode(theirs));
  }
  document.querySelectorAll("[data-detail] time").forEach(show);
}

/** Only changes of the status are steps. */
function steps(all) {
  const moved = all.filter((event) => event.changed === null);
  const events = moved.length ? moved : all;
  const last = events.length - 1;
  const past = events.map((event, at) => step(event.to_status, at === last ? "now" : "done", event.at));
  return [...past, ...(page.boot.ahead[events[last].to_status] ?? []).map((status) => step(status, "ahead", ""))];
}

function step(status, state, at) {
  const element = clone("step");
  const label = labelOf(status);
  element.dataset.state = state;
  if (state === "now") element.setAttribute("aria-current", "step");
  tone(element, label.tone);
  icon(element, label.icon);
  write(element, "label", label.text);
  write(element, "later", state === "ahead" ? text("ahead") : "");
  when(element, at);
  return element;
}

function entry(event) {
  const element = clone("entry");
  badge(element, labelOf(event.to_status));
  const name = nameOf(event.actor);
  const who = event.type === "order.corrected" ? text("corrected", { who: name }) : name;
  write(element, "who", event.notify ? who : text("silent", { who }));
  when(element, event.at);
  write(element, "changed", event.changed ? edited(event.changed) : "");
  slot(element, "changed").hidden = !event.changed;
  write(element, "reason", event.reason ?? "");
  slot(element, "reason").hidden = !event.reason;
  return element;
}

function edited(members) {
  if (!members.length) return text("resent");
  return text("edited", { members: members.map((name) => (knows(name) ? text(name) : name)).join(", ") });
}

function paint(order) {
  const [root, hero, label] = [article(), document.getElementById("hero"), labelOf(order.status)];
  Object.assign(root.dataset, { version: order.version, status: order.status });
  badge(hero, label);
  if (slot(hero, "label")) {
    tone(hero, label.tone);
    icon(hero, label.icon);
    write(hero, "label", label.text);
    write(hero, "lead", label.lead);
    document.title = `${label.text} · #${bare(order.number)} · Onward`;
  } else {
    document.title = `#${bare(order.number)} · ${label.text} · Onward`;
  }
  write(hero, "version", order.version);
  when(hero, order.updated_at, "updated");
  moves(root, order);
  parcels(order.parcels ?? []);
  showError(root, "");
  flash(hero);
}

function parcels(all) {
  const list = document.getElementById("parcel-list");
  list.hidden = !all.length;
  list.replaceChildren(...all.map(parcel));
}

function parcel(one) {
  const element = clone("parcel");
  write(element, "carrier", one.carrier);
  write(element, "code", one.number);
  const on = one.expected_on && new Date(`${one.expected_on}T00:00:00Z`);
  slot(element, "expected").hidden = !on;
  if (on) write(element, "expected", text("expected", { day: on.toLocaleDateString(dates, DAY) }));
  const link = slot(element, "open");
  link.hidden = !one.url;
  // The server accepts only http and https; a link is the one place where text could run code.
  if (/^https?:\/\//.test(one.url ?? "")) link.href = one.url;
  return element;
}

/** What the service says of a change, in the reader's language; it was stored in the installation's. */
function bodyOf(message) {
  const event = page.boot.reworded && message.kind === "system" && page.boot.events.find(({ id }) => id === message.event_id);
  if (!event) return message.body;
  const status = labelOf(event.to_status).text;
  if (page.boot.role === "buyer") return status;
  return text(event.type === "order.corrected" ? "corrected_to" : "status_changed", { status });
}

/** Add a message once, whether it arrives first in our own response or on the stream. */
export function mergeMessage(message) {
  if (!isHere(message.order_id)) return;
  const log = document.querySelector(".log");
  if (log.querySelector(`[data-message="${message.id}"]`)) return;
  const { author } = message;
  const mine = author?.role === page.boot.role && author.id === page.boot.id;
  const element = clone("message");
  element.dataset.message = message.id;
  element.classList.add(message.kind === "system" ? "system" : mine ? "mine" : "theirs");
  const internal = !["system", "person"].includes(message.kind);
  element.classList.toggle("internal", internal);
  slot(element, "internal").hidden = !internal;
  write(element, "body", bodyOf(message));
  write(element, "who", author ? nameOf(author) : "");
  when(element, message.created_at);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const later = [...log.children].find((other) => Number(other.dataset.message) > message.id);
  log.insertBefore(element, later ?? null);
  if (mine || atEnd) toEnd();
}

/** Move a reader's mark: there is one for each that this reader can distinguish. */
export function mergeMark(mark) {
  if (!isHere(mark.order_id)) return;
  const same = (other) => JSON.stringify(other.reader) === JSON.stringify(mark.reader);
  const known = page.boot.seen.find(same);
  if (known && known.up_to >= mark.up_to) return;
  page.boot.seen = [...page.boot.seen.filter((other) => !same(other)), mark];
  for (const element of document.querySelectorAll(".log [data-message]")) {
    write(element, "seen", seenBy(Number(element.dataset.message)));
  }
}

function seenBy(id) {
  const names = page.boot.seen.filter((mark) => mark.up_to === id).map((mark) => nameOf(mark.reader));
  const others = names.filter((name) => name !== text("you"));
  return others.length ? text("seen_by", { names: others.join(", ") }) : "";
}

/** The id of the newest message on the page; 0 if there is none. */
export const newestMessage = () => Number(document.querySelector(".log")?.lastElementChild?.dataset.message ?? 0);

export function showUnread(count) {
  write(document, "new", text("new_messages", { count }));
  slot(document, "new").hidden = count === 0;
}

export function toEnd() {
  const log = document.querySelector(".log");
  if (log) log.scrollTop = log.scrollHeight;
}
