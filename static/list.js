/* The list of orders without a mouse: search, walk, select, act. Keys do nothing while the reader types. */

import { say } from "./page.js";

const MODIFIED = ["ctrlKey", "metaKey", "altKey"];
let last; // the row that was selected last

const rows = () => [...document.querySelectorAll("tr.row[id]")];
const rowOf = (element) => element?.closest?.("tr.row[id]");
const box = (row) => row?.querySelector("input[type=checkbox]");

/** The row that has the focus; the only one there is. */
function current() {
  const all = rows();
  return rowOf(document.activeElement) ?? (all.length === 1 ? all[0] : undefined);
}

function walk(by) {
  const all = rows();
  const at = all.indexOf(rowOf(document.activeElement));
  all[Math.min(Math.max(at + by, 0), all.length - 1)]?.querySelector("a.number")?.focus();
}

/** Select or deselect this row; with `through`, all from the one before. */
function select(row, through) {
  const one = box(row);
  if (!one) return;
  const all = rows();
  const [from, to] = [all.indexOf(through && last?.isConnected ? last : row), all.indexOf(row)].sort((a, b) => a - b);
  const checked = through && last ? true : !one.checked;
  for (const each of all.slice(from, to + 1)) box(each).checked = checked;
  last = row;
  one.dispatchEvent(new Event("change", { bubbles: true }));
  say(one.getAttribute("aria-label"));
}

const KEYS = {
  "/": () => {
    const field = document.querySelector("main input[type=search]");
    field.focus();
    field.select();
  },
  j: () => walk(1),
  k: () => walk(-1),
  x: () => select(current(), false),
  X: () => select(current(), true),
  a: () => current()?.querySelector("button[name=move]")?.click(),
};

export function start() {
  if (!document.querySelector("main form[role=search]") || document.body.dataset.shortcuts === "off") return;
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (typing || document.querySelector("dialog:modal") || event.repeat || event.defaultPrevented || MODIFIED.some((one) => event[one]) || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  document.addEventListener("click", (event) => {
    if (event.target.matches(".of-select input")) last = rowOf(event.target);
  });
}
