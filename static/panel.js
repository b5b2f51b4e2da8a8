/*
 * One order beside the board or the list: the parts of its page, at its address, drawn by the server.
 *
 * The list stays where it is behind it. `j` and `k` walk along the list, Escape or Back returns to it; a reload shows
 * the order's own page. On a narrow screen, and without scripts, links simply lead there.
 */

import * as clock from "./clock.js";
import * as conversation from "./conversation.js";
import * as drafts from "./drafts.js";
import { page } from "./page.js";
import * as parts from "./parts.js";

const ORDER = /^\/(seller|operator|auditor)\/orders\/\d+$/;
const wide = matchMedia("(min-width: 64rem)");

let title = "";
let latest = 0;

const current = () => document.getElementById("beside");
const pathTo = (link) => (link && ORDER.test(link.pathname) && link.origin === location.origin ? link.pathname : null);

/** The links to orders in the page, in its sequence. */
const links = () => [...document.querySelectorAll("main a[href]")].filter((link) => pathTo(link) && link.checkVisibility());

async function open(path, remember) {
  const number = ++latest;
  const answer = await fetch(parts.address(path, ["beside"]), { headers: { Accept: "text/html" } }).catch(() => null);
  const html = await answer?.text().catch(() => null);
  if (number !== latest) return;
  if (!answer?.ok || !html) return location.assign(path);
  const panel = document.adoptNode(new DOMParser().parseFromString(html, "text/html").getElementById("beside"));
  title ||= document.title;
  remember({ panel: path }, "", path);
  if (current()) current().replaceWith(panel);
  else document.body.append(panel);
  prepare(panel);
}

function prepare(panel) {
  panel.querySelectorAll("time[datetime]").forEach(clock.show);
  drafts.restore(panel);
  conversation.look();
  document.title = `${panel.querySelector("[data-title]").dataset.title} · Onward`;
  panel.focus({ preventScroll: true });
}

function close() {
  const path = current()?.dataset.path;
  current()?.remove();
  latest++;
  if (title) document.title = title;
  title = "";
  links().find((link) => pathTo(link) === path)?.focus({ preventScroll: true });
}

function walk(step) {
  const paths = [...new Set(links().map(pathTo))];
  const at = paths.indexOf(current().dataset.path);
  const next = at < 0 ? paths[0] : paths[at + step];
  if (next) open(next, history.replaceState.bind(history));
}

function onClick(event) {
  if (event.target.closest("[data-close]")) return history.back();
  const path = pathTo(event.target.closest("main a[href]"));
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!path || !plain || !wide.matches || event.defaultPrevented) return;
  event.preventDefault();
  open(path, current() ? history.replaceState.bind(history) : history.pushState.bind(history));
}

/** Before menus get it: Escape closes an open menu first. */
function onKey(event) {
  if (!current() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && !document.querySelector(".more[open], dialog[open], :popover-open")) return history.back();
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "j") walk(1);
  if (event.key === "k") walk(-1);
}

export function start() {
  if (ORDER.test(new URL(page.path, location.href).pathname)) return; // the order's own page
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey, true);
  addEventListener("popstate", ({ state }) => (state?.panel ? open(state.panel, () => {}) : close()));
}
