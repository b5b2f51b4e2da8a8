/* Render the parts of an order from the page's templates. Text is only ever set as text. */

import { page } from "./page.js";
import { show } from "./clock.js";
import { numbers, text } from "./texts.js";

export const clone = (name) => document.getElementById(`tpl-${name}`).content.firstElementChild.cloneNode(true);
export const slot = (root, name) => root.querySelector(`[data-slot="${name}"]`);

export function write(root, name, content) {
  const element = slot(root, name);
  if (element) element.textContent = content;
}

export function tone(element, name) {
  element.classList.remove(...[...element.classList].filter((one) => one.startsWith("tone-")));
  element.classList.add(`tone-${name}`);
}

export const icon = (root, name) => root.querySelector("use").setAttribute("href", `#icon-${name}`);

/** The label of a status; an unknown status is shown by its key. */
export const labelOf = (status) => page.boot.labels[status] ?? { text: status, tone: "neutral", icon: "circle", lead: "" };

export function badge(root, label) {
  const element = slot(root, "badge");
  if (!element) return;
  tone(element, label.tone);
  icon(element, label.icon);
  element.querySelector(".label").textContent = label.text;
}

export function when(root, at, name = "when") {
  const time = slot(root, name);
  time.dateTime = at;
  show(time);
}

/** An order's number without the # that is shown before it, and that some shops' numbers begin with. */
export const bare = (number) => number.replace(/^#+/, "");

/** `€1,084.50` or `1.084,50 €` from minor units; the point is set in the text: there is no arithmetic on money here. */
export function money(minor, currency) {
  const digits = page.boot.digits[currency] ?? 2;
  const all = String(Math.abs(minor)).padStart(digits + 1, "0");
  const amount = all.slice(0, all.length - digits) + (digits ? `.${all.slice(-digits)}` : "");
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const written = new Intl.NumberFormat(numbers, { style: "currency", currency, ...places });
  return written.format(minor < 0 ? `-${amount}` : amount);
}

/** A part of something, such as half a kilogram, is one item; shipping and discounts are none. */
export function countOfItems(items) {
  const counted = items.filter((item) => (item.kind ?? "item") === "item").map((item) => item.quantity);
  const count = counted.reduce((sum, quantity) => sum + (Number.isInteger(quantity) ? quantity : 1), 0);
  return count === 1 ? text("item") : text("items", { count: new Intl.NumberFormat(numbers).format(count) });
}

/** An idempotency key for one change; randomUUID is not available on plain HTTP. */
export function freshKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function flash(element) {
  element.classList.remove("changed");
  void element.offsetWidth; // restarts the animation
  element.classList.add("changed");
}

export function showError(root, sentence) {
  const element = slot(root, "form-error");
  write(element, "text", sentence);
  element.hidden = !sentence;
}

/** The buttons for an order: the usual transition, and a menu of the others. Text entered in them is kept. */
export function moves(root, order) {
  const holder = slot(root, "moves");
  if (!holder) return;
  const drafts = Object.fromEntries(
    [...holder.querySelectorAll("details[open] .move")].map((form) => [form.dataset.to, form.elements.reason?.value]),
  );
  const focused = holder.contains(document.activeElement);
  const table = page.boot.actions[order.status] ?? {};
  const offered = order.allowed_transitions.filter((to) => to in table && !table[to].correction).map((to) => table[to]);
  offered.sort((a, b) => a.reason - b.reason);
  const origin = holder.dataset.from;
  const [first] = offered.filter((action) => !action.reason);
  const others = offered.filter((action) => action !== first || (action.tracking && origin === "order"));
  const forms = first ? [move(order, first, origin, true)] : [];
  if (others.length) forms.push(menu(order, others, origin, drafts));
  holder.replaceChildren(...forms);
  if (focused) (slot(root, "link") ?? holder.querySelector("summary, button"))?.focus({ preventScroll: true });
}

/** The corrections that the reader may make now; `events` is the end of the order's history. */
export function corrections(root, order, events) {
  const holder = slot(root, "corrections");
  if (!holder) return;
  const last = events.filter(({ type }) => type === "order.status_changed" || type === "order.corrected").at(-1);
  const mine = last?.actor.role === page.boot.role && last.actor.id === page.boot.id;
  const seconds = mine ? (Date.now() - Date.parse(last.at)) / 1000 : Infinity;
  const possible = ({ to, within }) => (within === null ? order.allowed_transitions.includes(to) : seconds < within);
  const actions = Object.values(page.boot.actions[order.status] ?? {}).filter((one) => one.correction && possible(one));
  holder.replaceChildren(...(actions.length ? [menu(order, actions, "order", {})] : []));
  if (actions.length) write(holder, "caption", text("correct"));
}

function menu(order, actions, origin, drafts) {
  const details = clone("more");
  details.querySelector("summary").setAttribute("aria-label", text("more", { number: bare(order.number) }));
  write(details, "caption", actions.length === 1 ? text("only_choice", { action: actions[0].label }) : text("choose"));
  for (const action of actions) {
    const form = move(order, action, origin, false);
    if (drafts[action.to] && form.elements.reason) form.elements.reason.value = drafts[action.to];
    details.open ||= action.to in drafts;
    details.querySelector(".menu").append(form);
  }
  return details;
}

function move(order, action, origin, plain) {
  const form = clone("move");
  form.action = `/orders/${order.id}/status`;
  form.dataset.to = action.to;
  for (const [name, value] of [["to", action.to], ["version", order.version], ["key", freshKey()], ["from", origin]]) {
    form.elements[name].setAttribute("value", value);
  }
  if (!action.reason) slot(form, "reason").remove();
  if (!action.correction) slot(form, "quiet").remove();
  if (!action.tracking || plain || origin !== "order") slot(form, "tracking").remove();
  const button = slot(form, "go");
  button.textContent = action.label;
  button.setAttribute("aria-label", text("go", { action: action.label, number: bare(order.number) }));
  button.className = action.danger ? "danger" : "";
  return form;
}
