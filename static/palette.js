/* Finds orders, people and pages from everywhere: the server draws what was found. Without scripts it is a page. */

import * as parts from "./parts.js";

const PAUSE_MS = 150; // after a key, before it is asked

const palette = document.getElementById("palette");
const field = palette.querySelector("input");
let timer;

export function open() {
  if (palette.open) return;
  palette.showModal();
  field.select();
  ask();
}

function ask() {
  clearTimeout(timer);
  parts.fetchParts(`/find?q=${encodeURIComponent(field.value)}`, ["results"]);
}

const found = () => [...palette.querySelectorAll("li a")];

/** The arrow keys walk through what was found; the field is before the first one. */
function walk(step) {
  const links = [field, ...found()];
  const next = links.indexOf(document.activeElement) + step;
  links[(next + links.length) % links.length].focus();
}

async function first() {
  clearTimeout(timer);
  await parts.fetchParts(`/find?q=${encodeURIComponent(field.value)}`, ["results"]);
  found()[0]?.click();
}

export function start() {
  for (const other of document.querySelectorAll('[data-part="results"]')) delete other.dataset.part; // of the page /find
  document.getElementById("palette-results").dataset.part = "results";
  document.getElementById("find-all").addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  palette.querySelector("form").addEventListener("submit", (event) => {
    event.preventDefault();
    first();
  });
  palette.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    walk(step);
  });
  palette.addEventListener("click", (event) => event.target === palette && palette.close());
}
