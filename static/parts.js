/*
 * Keeps the parts of a page up to date.
 *
 * A part is an element with `data-part`; `data-on` names the kinds of events that make it old, `data-order` and
 * `data-status` which of them. An event only says that parts are old: the server draws them, all that are old in one
 * request, and they are morphed into the page. What the reader is at stays: focus, text, selection, scrolling.
 */

import * as clock from "./clock.js";
import * as drafts from "./drafts.js";
import * as guard from "./guard.js";
import { page, say } from "./page.js";

const SOON_MS = 250;
const LOADED_MS = 1_000; // between two requests while much happens
const MUCH = 20; // events
const REST = 4; // wait this many times what the last answer took
const SLOW_MS = 1_200; // an answer that takes longer costs the service much, such as a board of 200,000 open orders:
const LONG_REST = 9; // then this many times
const NOT_HERE = [403, 404];
const AGAIN = [408, 429];
const CHANGED = [{ boxShadow: "0 0 0 3px var(--dot, var(--accent))" }, { boxShadow: "0 0 0 3px transparent" }];

const still = matchMedia("(prefers-reduced-motion: reduce)");
const happened = new Map(); // what has happened since the last request
const waiting = new Set(); // parts that are held, because the reader is at them
const drawn = new Map(); // part → number of the request whose answer drew it
let asked = 0;
let asking = false;
let took = 0;
let timer;

/** `{ kind, order, statuses }`: the kind of an event, its order and the statuses that the order left and entered. */
export function outdate(event) {
  happened.set(JSON.stringify(event), event);
  plan();
}

/** All parts are old, as after a gap in the stream. */
export const outdateAll = () => outdate({ all: true });

/** The names of the parts that such an event makes old. */
export function named(...events) {
  const parts = [...document.querySelectorAll("[data-part]")];
  return parts.filter((part) => events.some((event) => concerns(part.dataset, event))).map((part) => part.dataset.part);
}

function concerns({ part, on = "", order, status }, event) {
  if (event.part) return part === event.part;
  if (event.all) return on !== "";
  if (!on.split(" ").includes(event.kind)) return false;
  if (order && event.order && order !== String(event.order)) return false;
  return !status || !event.statuses?.length || status.split(" ").some((one) => event.statuses.includes(one));
}

function plan(wait = happened.size > MUCH ? LOADED_MS : SOON_MS) {
  if (timer || asking || document.hidden) return;
  timer = setTimeout(refresh, Math.max(wait, (took > SLOW_MS ? LONG_REST : REST) * took) * (0.9 + 0.2 * Math.random()));
}

async function refresh() {
  timer = undefined;
  const events = [...happened.values()];
  const names = named(...events);
  happened.clear();
  if (!names.length) return;
  asking = true;
  const answer = await fetchParts(page.path, names);
  asking = false;
  if (answer === null) for (const event of events) happened.set(JSON.stringify(event), event);
  if (happened.size) plan(LOADED_MS);
}

/** The parts of an address drawn anew. Answers null if it may work a moment later: not where one has signed out. */
export async function fetchParts(path, names) {
  const [number, from] = [++asked, performance.now()];
  const answer = await fetch(address(path, names), { headers: { Accept: "text/html" } }).catch(() => null);
  const html = await answer?.text().catch(() => null);
  took = performance.now() - from;
  if (answer && NOT_HERE.includes(answer.status)) location.reload();
  if (!answer || html === null || AGAIN.includes(answer.status) || answer.status >= 500) return null;
  return answer.ok ? show(html, number) : undefined;
}

export function address(path, names) {
  const url = new URL(path, location.href);
  url.searchParams.set("part", names.join(","));
  return url.href.replace(/%2C/g, ",").replace(/%3A/g, ":");
}

/** The number of what is asked for now: an answer never draws over that of a later request. */
export const begin = () => ++asked;

/** Morph the parts of an answer into the page; `mine` if it answers the reader's own action. */
export function show(html, number, mine = false) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  fresh.querySelectorAll("time[datetime]").forEach(clock.show);
  const focused = document.activeElement?.closest("[id^=order-]")?.id;
  for (const theirs of fresh.querySelectorAll("[data-part]")) {
    const name = theirs.dataset.part;
    const ours = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
    if (!ours) continue;
    if (number < (drawn.get(name) ?? 0)) {
      outdate({ part: name }); // what it was asked for may not be in what was drawn meanwhile
      continue;
    }
    drawn.set(name, number);
    waiting.delete(name);
    draw(ours, theirs, mine);
  }
  if (focused && document.activeElement === document.body) document.querySelector(`#${focused} a`)?.focus({ preventScroll: true });
  return fresh;
}

function draw(ours, theirs, mine) {
  const log = ours.querySelector(".log");
  const atEnd = log && log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const { say: before, title } = ours.dataset;
  Idiomorph.morph(ours, theirs, { callbacks: callbacks(ours.dataset.part, mine) });
  drafts.restore(ours);
  if (log && (mine || atEnd)) log.scrollTop = log.scrollHeight;
  if (ours.dataset.title && ours.dataset.title !== title) document.title = `${ours.dataset.title} · Onward`;
  if (!mine && ours.dataset.say !== before) say(ours.dataset.say);
}

const callbacks = (part, mine) => ({
  beforeNodeMorphed: (old, fresh) => {
    if (!(old instanceof Element)) return true;
    if (old.dataset?.v !== undefined && old.dataset.v === fresh.dataset?.v) return false;
    if ("guard" in old.dataset) return guard.mayRedraw(old) || hold(part);
    if ("rest" in old.dataset && !mine && !guard.atRest(old)) return hold(part, () => inPlace(old, fresh, part));
    if (old.matches("input, textarea, select") && (old === document.activeElement || drafts.dirty(old))) return false;
    return true;
  },
  afterNodeMorphed: (old) => old instanceof Element && "v" in old.dataset && highlight(old),
  afterNodeAdded: (added) => added instanceof Element && "v" in added.dataset && highlight(added),
  // Whether a menu is open is the reader's.
  beforeAttributeUpdated: (name, element) => !(name === "open" && element.tagName === "DETAILS"),
});

function hold(part, meanwhile = () => {}) {
  waiting.add(part);
  meanwhile();
  return false;
}

/** A list that somebody is at: its rows change where they are, and what has left it says so and can do nothing. */
function inPlace(list, fresh, part) {
  for (const row of list.children) {
    const theirs = row.id && fresh.querySelector(`#${CSS.escape(row.id)}`);
    if (theirs) Idiomorph.morph(row, theirs, { callbacks: callbacks(part, false) });
    else leave(row, list.dataset.gone);
  }
}

/** It stays to be looked at; the order itself is drawn elsewhere. */
function leave(row, sentence) {
  row.dataset.gone = sentence;
  row.removeAttribute("id");
  delete row.dataset.order;
}

function highlight(element) {
  if (!still.matches && element.matches(".card")) element.animate(CHANGED, { duration: 1_200, easing: "ease-out" });
}

/** The reader has left what was held: draw it anew. */
async function release() {
  const names = [...waiting].filter((name) => document.querySelector(`[data-part="${CSS.escape(name)}"]`));
  if (names.length && (await fetchParts(page.path, names)) === null) setTimeout(release, LOADED_MS);
}

export function start() {
  guard.start(release);
  document.addEventListener("visibilitychange", () => happened.size && plan());
}
