/* Copies what stands in an element. The clipboard is there on HTTPS only: elsewhere the text is selected as a whole. */

import { say } from "./page.js";

const SHOWN_MS = 2_500;

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const copied = await navigator.clipboard?.writeText(source.value ?? source.innerText.trim()).then(() => true, () => false);
  if (!copied) select(source);
  report(button, copied ? button.dataset.done : button.dataset.instead);
}

function select(source) {
  if (source.select) return source.select();
  getSelection().selectAllChildren(source);
}

function report(button, sentence) {
  button.dataset.label ??= button.textContent;
  button.textContent = sentence;
  say(sentence);
  setTimeout(() => (button.textContent = button.dataset.label), SHOWN_MS);
}

export function start() {
  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-copy]");
    if (button) copy(button);
  });
}
