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
import { say } from "./page.js";

const SOON_MS = 250;
const LOADED_MS = 1_000; // between two requests while much happens
const MUCH = 20; // events
const MOST_PARTS = 40; // in one request
const TICKS = { time: 2_000, minute: 60_000 }; // kinds of events that only pages have which show what no event has
const MOST_HIGHLIGHTED = 8;
const REST = 4; // wait this many times what the last answer took
const SLOW_MS = 1_200; // an answer that takes longer costs the service much, such as a board of 200,000 open orders:
const LONG_REST = 9; // then this many times
const NOT_HERE = [403, 404];
const AGAIN = [408, 429];
const CHANGED = [{ boxShadow: "0 0 0 3px var(--dot, var(--accent))" }, { boxShadow: "0 0 0 3px transparent" }];

let Idiomorph;

const still = matchMedia("(prefers-reduced-motion: reduce)");
const happened = new Map(); // what has happened since the last request
const waiting = new Set(); // parts that are held, because the reader is at them
const drawn = new Map(); // part → number of the request whose answer drew it
const held = new Map(); // part → orders whose changes are held back
let highlighted = 0; // by the answer that is being shown
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

/** The address that draws this part: the page's, or that of the order which is open beside it. */
export const pathOf = (element) => element.closest("[data-path]").dataset.path;

/** The names of the parts that such an event makes old, by the addresses that draw them. */
export function named(...events) {
  return byPath([...document.querySelectorAll("[data-part]")].filter((part) => concerned(part, events)));
}

function byPath(parts) {
  const found = new Map();
  for (const part of parts) found.set(pathOf(part), [...(found.get(pathOf(part)) ?? []), part.dataset.part]);
  return found;
}

/** What `named` has found, drawn anew. Answers false if it may work a moment later. */
export async function fetchAll(found, mine = false) {
  for (const [path, names] of found)
    for (let first = 0; first < names.length; first += MOST_PARTS)
      if ((await fetchParts(path, names.slice(first, first + MOST_PARTS), mine)) === null) return false;
  return true;
}

function concerned(part, events) {
  const { on = "", order, status, range } = part.dataset;
  if (events.some((event) => event.part === part.dataset.part)) return true;
  if (!on) return false;
  const [kinds, statuses] = [on.split(" "), status?.split(" ")];
  let shown; // the orders in it, looked up once for all events
  return events.some((event) => {
    if (event.all) return true;
    if (!kinds.includes(event.kind)) return false;
    if (order && event.order && order !== String(event.order)) return false;
    if (range && event.order && !inRange(range, event.order)) return false;
    if (event.statuses?.length) return !statuses || statuses.some((one) => event.statuses.includes(one));
    if (!range || !event.order) return true;
    shown ??= new Set([...part.querySelectorAll("[data-order]")].map((row) => row.dataset.order));
    return shown.has(String(event.order));
  });
}

/** Whether an id is in `AFTER-UNTIL`; nothing after the hyphen is no end. */
function inRange(range, id) {
  const [after, until] = range.split("-");
  return id > Number(after) && (!until || id <= Number(until));
}

function plan(wait = happened.size > MUCH ? LOADED_MS : SOON_MS) {
  if (timer || asking || document.hidden) return;
  timer = setTimeout(refresh, Math.max(wait, (took > SLOW_MS ? LONG_REST : REST) * took) * (0.9 + 0.2 * Math.random()));
}

async function refresh() {
  timer = undefined;
  const events = [...happened.values()];
  const old = named(...events);
  happened.clear();
  if (!old.size) return;
  asking = true;
  const done = await fetchAll(old);
  asking = false;
  if (waiting.size) for (const event of events) countHeld(event);
  if (!done) for (const event of events) happened.set(JSON.stringify(event), event);
  if (happened.size) plan(LOADED_MS);
}

/** The parts of an address drawn anew. Answers null if it may work a moment later: not where one has signed out. */
export async function fetchParts(path, names, mine = false) {
  const [number, from] = [++asked, performance.now()];
  const able = ready().catch(() => null);
  const answer = await fetch(address(path, names), { headers: { Accept: "text/html" } }).catch(() => null);
  const html = await answer?.text().catch(() => null);
  took = performance.now() - from;
  if (answer && NOT_HERE.includes(answer.status)) location.reload();
  if (!answer || html === null || AGAIN.includes(answer.status) || answer.status >= 500 || (await able) === null) return null;
  return answer.ok ? showInTurns(html, number, mine) : undefined;
}

/** Wait for what draws changes: a page that nothing happens to never asks for it. Rejects if it cannot be had now. */
export async function ready() {
  ({ Idiomorph } = await import("./vendor/idiomorph/idiomorph.min.js"));
}

export function address(path, names) {
  const url = new URL(path, location.href);
  url.searchParams.set("part", names.join(","));
  return url.href.replace(/%2C/g, ",").replace(/%3A/g, ":");
}

/** The number of what is asked for now: an answer never draws over that of a later request. */
export const begin = () => ++asked;

/** Morph the parts of an answer into the page, once `ready`; `mine` if it answers the reader's own action. */
export function show(html, number, mine = false) {
  const fresh = parsed(html);
  for (const theirs of fresh.querySelectorAll("[data-part]")) place(theirs, number, mine);
  sayHeld();
  return fresh;
}

/** The same with pauses, so that what the reader does meanwhile is not kept waiting. */
async function showInTurns(html, number, mine) {
  const fresh = parsed(html);
  for (const theirs of fresh.querySelectorAll("[data-part]")) {
    await new Promise((resolve) => setTimeout(resolve));
    place(theirs, number, mine);
  }
  sayHeld();
  return fresh;
}

/** The answer; of rows that are on the page as they are, nothing but that they are there. */
function parsed(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  highlighted = 0;
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const ours = document.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    for (const row of ours ? part.querySelectorAll("[id][data-v]") : []) {
      const known = document.getElementById(row.id);
      if (known?.dataset.v === row.dataset.v && ours.contains(known)) row.replaceChildren();
    }
  }
  fresh.querySelectorAll("time[datetime]").forEach(clock.show);
  return fresh;
}

function place(theirs, number, mine) {
  const name = theirs.dataset.part;
  const ours = document.querySelector(`[data-part="${CSS.escape(name)}"]`);
  if (!ours) return;
  if (number < (drawn.get(name) ?? 0)) return outdate({ part: name }); // what it was asked for may not be in what was drawn meanwhile
  const focused = document.activeElement?.closest("[id^=order-]")?.id;
  drawn.set(name, number);
  waiting.delete(name);
  held.delete(name);
  draw(ours, theirs, mine);
  if (focused && document.activeElement === document.body) document.querySelector(`#${focused} a`)?.focus({ preventScroll: true });
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
    if ("stays" in old.dataset && !mine && old.dataset.stays === fresh.dataset.stays && refuses(old) && !refuses(fresh)) return false;
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

/** Why a form was refused is there to be read: drawing the page anew does not take it away. */
const refuses = (element) => element.querySelector(".form-error:not([hidden])") !== null;

function countHeld(event) {
  for (const name of [...named(event).values()].flat()) if (waiting.has(name)) held.set(name, (held.get(name) ?? new Set()).add(event.order));
  sayHeld();
}

/** How many changes wait for the reader to leave a list, beside it: `data-held` names the part. */
function sayHeld() {
  for (const element of document.querySelectorAll("[data-held]")) {
    const name = [...held.keys()].find((one) => one.split(":")[0] === element.dataset.held);
    element.hidden = !name;
    element.querySelector("[data-count]").textContent = held.get(name)?.size ?? "";
  }
}

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

/** A few changes at a time: more are no news, and each costs frames. */
function highlight(element) {
  if (!still.matches && element.matches(".card, .row") && ++highlighted <= MOST_HIGHLIGHTED) element.animate(CHANGED, { duration: 1_200, easing: "ease-out" });
}

/** The reader has left what was held: draw it anew. */
async function release(mine = false) {
  const old = [...waiting].map((name) => document.querySelector(`[data-part="${CSS.escape(name)}"]`)).filter(Boolean);
  if (!(await fetchAll(byPath(old), mine))) setTimeout(release, LOADED_MS);
}

/**
 * "Show more": the part grows to `data-more`. With `data-cut` it stays as it is up to where the link stands, under that
 * name, and `data-more` follows it.
 */
async function more(link) {
  const ours = link.closest("[data-part]");
  const { part: name } = ours.dataset;
  const { cut, more: grown } = link.dataset;
  const next = cut && ours.cloneNode(false);
  ours.dataset.part = cut || grown;
  if (next) {
    next.removeAttribute("id");
    next.dataset.part = grown;
    ours.after(next);
  }
  const last = ours.querySelector("[id]:last-child a");
  if ((await fetchParts(pathOf(ours), cut ? [cut, grown] : [grown], true)) !== null) return (next ? next.querySelector("a") : last)?.focus({ preventScroll: true });
  next?.remove();
  ours.dataset.part = name;
}

export function start() {
  guard.start(() => release());
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-show]")) return void release(true);
    const link = event.target.closest("a[data-more]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    more(link);
  });
  for (const [kind, every] of Object.entries(TICKS)) if (named({ kind }).size) setInterval(() => outdate({ kind }), every);
  document.addEventListener("visibilitychange", () => happened.size && plan());
}
