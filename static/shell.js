/* The frame: the bell's panel, the theme, desktop notices. */

import * as parts from "./parts.js";
import { page } from "./page.js";

const bell = document.getElementById("bell");
const panel = document.getElementById("panel");

/** Opens in place; a click with a modifier key, and every click without scripts, opens the inbox. */
async function toggle(event) {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  if (panel.matches(":popover-open")) return panel.hidePopover();
  panel.dataset.part = "panel";
  await parts.fetchParts(page.path, ["panel"]);
  panel.showPopover();
  panel.querySelector("h2")?.focus();
}

/** Closed, it is no part that events make old. */
function toggled({ newState }) {
  bell.setAttribute("aria-expanded", String(newState === "open"));
  if (newState === "open") return;
  if (document.activeElement === document.body) bell.focus(); // what had the focus was redrawn
  panel.replaceChildren();
  delete panel.dataset.part;
}

/** Whoever opens an entry has read it; the page that it leads to need not wait for that. */
function read(event) {
  const entry = event.target.closest("a[data-entry]");
  if (!entry) return;
  const body = new URLSearchParams({ csrf_token: document.querySelector('meta[name="csrf"]').content, id: entry.dataset.entry });
  fetch("/inbox/read", { method: "POST", body, keepalive: true, redirect: "manual" }).catch(() => {}); // it stays unread
}

/** The theme changes at once, and the server keeps it for the next page. */
function chooseTheme(event) {
  if (!event.target.matches("form.theme")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(event.target, event.submitter));
  const theme = event.submitter.value;
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const one of event.target.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one === event.submitter));
  fetch("/theme", { method: "POST", body, redirect: "manual" }).catch(() => {}); // then it lasts as long as the page
}

/** Show a notification on the desktop, if that is wanted and nobody looks at the page. */
export function notify({ title, body, order_id: order }) {
  if (document.body.dataset.notices !== "on" || !document.hidden || globalThis.Notification?.permission !== "granted") return;
  const notice = new Notification(title, { body: body ?? "", tag: `order-${order}` });
  notice.onclick = () => (window.focus(), location.assign(`/orders/${order}`));
}

export function start() {
  bell.setAttribute("role", "button");
  bell.setAttribute("aria-expanded", "false");
  bell.setAttribute("aria-controls", "panel");
  bell.addEventListener("click", toggle);
  bell.addEventListener("keydown", (event) => event.key === " " && (event.preventDefault(), bell.click()));
  panel.addEventListener("toggle", toggled);
  document.addEventListener("click", read);
  document.addEventListener("submit", chooseTheme);
  document.addEventListener("change", ({ target }) => target.matches("[name=notices]") && target.checked && globalThis.Notification?.requestPermission());
}
