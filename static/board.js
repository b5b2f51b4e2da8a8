/* Lists of orders: the board's columns, recently closed orders, a buyer's orders. */

import { page } from "./page.js";
import { badge, bare, clone, countOfItems, flash, labelOf, money, moves, showError, slot, tone, when, write } from "./paint.js";
import { text } from "./texts.js";

const REST_MS = 1_500;

const waiting = new Map(); // order id → moves its card once the list is idle
let hovered = null;
let resting;

const cardOf = (id) => document.querySelector(`.card[data-order="${id}"]`);
const listFor = (status) => document.querySelector(`[data-list~="${CSS.escape(status)}"]`);
const newestFirst = (list) => list.hasAttribute("data-newest-first");

/**
 * Keep the higher version. The reader's own changes move the card at once; others' wait while the list is in use.
 * An order without a card that comes from another status was among those that are only counted there.
 */
export function mergeOrder(order, mine = false, cameFrom = null) {
  if (!document.querySelector("[data-list]")) return;
  const known = cardOf(order.id);
  if (!known && cameFrom) oneLessHidden(cameFrom);
  // The stream may deliver our own change before its response arrives; the response then ends the wait.
  if (known && Number(known.dataset.version) >= order.version) return mine && waiting.get(order.id)?.();
  const card = known ?? clone("card");
  fill(card, order);
  const [from, to] = [card.closest("[data-list]"), listFor(order.status)];
  if (from && from === to && !newestFirst(to)) {
    waiting.delete(order.id);
    slot(card, "moved").hidden = true;
    return flash(card);
  }
  const shift = () => place(card, to, order.updated_at);
  const disturbs = (from && busy(from)) || (to && newestFirst(to) && busy(to));
  if (mine || !disturbs) return shift();
  waiting.set(order.id, shift);
  if (from !== to) write(card, "moved", text("moved", { status: labelOf(order.status).text }));
  slot(card, "moved").hidden = from === to;
}

export function fill(card, order) {
  const label = labelOf(order.status);
  card.id = `order-${order.id}`;
  Object.assign(card.dataset, { order: order.id, version: order.version, status: order.status });
  tone(card, label.tone);
  badge(card, label);
  slot(card, "link").setAttribute("href", `${page.boot.home}/${order.id}`);
  write(card, "number", bare(order.number));
  write(card, "about", page.boot.role === "buyer" ? order.items.map((item) => item.title).join(", ") : order.buyer_name);
  write(card, "items", countOfItems(order.items));
  write(card, "total", money(order.total_minor, order.currency));
  slot(card, "late").hidden = !order.late;
  when(card, order.updated_at);
  moves(card, order);
  showError(card, "");
}

function place(card, list, at) {
  waiting.delete(Number(card.dataset.order));
  const focused = card.contains(document.activeElement); // moving a node loses its focus
  slot(card, "moved").hidden = true;
  if (!list) card.remove();
  else insert(card, list, at);
  if (focused && list) slot(card, "link").focus({ preventScroll: true });
  flash(card);
  count();
}

function insert(card, list, at) {
  const cards = list.querySelector(".cards");
  const later = (other) => (newestFirst(list) ? slot(other, "when").dateTime < at : slot(other, "when").dateTime > at);
  cards.insertBefore(card, [...cards.children].find((other) => other !== card && later(other)) ?? null);
  const most = Number(list.dataset.most ?? Infinity);
  while (cards.children.length > most) cards.lastElementChild.remove();
}

function count() {
  let open = 0;
  for (const list of document.querySelectorAll(".column")) {
    const here = list.querySelectorAll(".card").length + Number(list.querySelector(".rest").dataset.hidden);
    open += here;
    for (const element of document.querySelectorAll(`[data-count-of="${list.dataset.list}"]`)) show(element, here);
  }
  const total = document.getElementById("open-count");
  if (total) total.textContent = text("open", { count: open });
}

/** A status that orders are rarely in has a link only while there are some. */
function show(element, count) {
  element.textContent = count;
  element.closest("[data-unusual]")?.matches("a") && element.closest("a").toggleAttribute("hidden", !count);
}

function oneLessHidden(status) {
  const rest = listFor(status)?.querySelector(".rest");
  if (!rest || rest.hidden) return;
  rest.dataset.hidden -= 1;
  rest.textContent = text("hidden", { count: rest.dataset.hidden });
  rest.hidden = rest.dataset.hidden === "0";
}

/** In use: the pointer is over it, one of its menus is open, or it has the keyboard focus. */
function busy(list) {
  return list === hovered || Boolean(list.querySelector("details[open], :focus-visible"));
}

function flushWaiting() {
  for (const [id, shift] of [...waiting]) {
    const from = cardOf(id)?.closest("[data-list]");
    if (!from || !busy(from)) shift();
  }
  if (waiting.size) rest();
}

function rest() {
  clearTimeout(resting);
  resting = setTimeout(flushWaiting, REST_MS);
}

export function start() {
  document.addEventListener("pointerover", (event) => {
    const list = event.pointerType === "mouse" ? (event.target.closest?.("[data-list]") ?? null) : null;
    if (list !== hovered) rest();
    hovered = list;
  });
  document.documentElement.addEventListener("pointerleave", () => {
    hovered = null;
    rest();
  });
  document.addEventListener("focusout", rest);
  document.addEventListener("toggle", rest, true);
}

/** Whether the page can be refreshed without disturbing the reader. */
export const atRest = () => ![...document.querySelectorAll("[data-list], #order")].some(busy);
