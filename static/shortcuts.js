/* Keys. None of them does anything while somebody is typing, and single keys can be turned off in the settings. */

import * as palette from "./palette.js";

const SEQUENCE_MS = 1_500; // between `g` and the next key
const ROWS = "main .card, main [data-row], main .inbox li";

const help = document.getElementById("help");
const typing = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
const click = (selector, root = document) => root.querySelector(selector)?.click();
let led = -SEQUENCE_MS; // when `g` was pressed

const ACTS = {
  "?": () => help.showModal(),
  "/": search,
  j: () => walk(1),
  k: () => walk(-1),
  a: () => click("[data-primary], .moves button:not(.danger)", order()),
  m: () => document.querySelector("main textarea[name=body]")?.focus(),
  b: () => document.getElementById("bell").click(),
  p: () => click(`#connection [data-slot="${document.getElementById("pill").dataset.state === "paused" ? "resume" : "pause"}"]`),
  t: nextTheme,
};

/** The order that has the focus, or the one that the page is about. */
const order = () => document.activeElement.closest("[data-order]") ?? document.getElementById("order") ?? document.createElement("i");

function search() {
  const field = document.querySelector("main [role=search] input, main input[type=search]");
  if (field) field.select();
  else palette.open();
}

function walk(step) {
  const rows = [...document.querySelectorAll(ROWS)].filter((row) => row.checkVisibility());
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[now < 0 ? (step > 0 ? 0 : rows.length - 1) : now + step];
  (next?.matches("a") ? next : next?.querySelector("a"))?.focus();
}

function nextTheme() {
  const choices = [...document.querySelectorAll(".theme button")];
  const now = choices.findIndex((one) => one.getAttribute("aria-pressed") === "true");
  choices[(now + 1) % choices.length].click();
}

function onKey(event) {
  const { key, target, altKey, ctrlKey, metaKey } = event;
  if (key.toLowerCase() === "k" && (ctrlKey || metaKey) && !altKey) {
    event.preventDefault();
    return palette.open();
  }
  if (event.defaultPrevented || altKey || ctrlKey || metaKey || event.isComposing || typing(target)) return;
  if (document.body.dataset.shortcuts === "off" || document.querySelector("dialog:modal")) return;
  const act = event.timeStamp - led < SEQUENCE_MS ? () => click(`[data-key="${CSS.escape(key)}"]`, help) : ACTS[key];
  led = key === "g" ? event.timeStamp : -SEQUENCE_MS;
  if (!act) return;
  event.preventDefault();
  act();
}

export function start() {
  document.addEventListener("keydown", onKey);
}
