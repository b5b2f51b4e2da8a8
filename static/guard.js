/*
 * No control changes its meaning under a pointer, a finger or a key.
 *
 * An element with `data-guard`, the buttons of an order, is redrawn only while neither the pointer nor the focus is in
 * it, and is disarmed for a moment afterwards. A list with `data-rest` gains and loses rows only while nobody is at it.
 */

const DISARMED_MS = 800; // a double click, a second tap or a repeated key must not press what has just appeared
const REST_MS = 1_500; // after the pointer or the focus has left

const mouse = matchMedia("(hover: hover)");
const armedFrom = new WeakMap();
let allArmedFrom = 0;
let resting;

const holds = (element) => (mouse.matches && element.matches(":hover")) || element.contains(document.activeElement);

/** Whether this guarded element may be redrawn now; if not, it is out of date and presses nothing until it is. */
export function mayRedraw(element) {
  if (!holds(element)) {
    armedFrom.set(element, performance.now() + DISARMED_MS);
    delete element.dataset.stale;
    return true;
  }
  element.dataset.stale = "";
  return false;
}

/** Whether the rows of this list may come and go: nobody points at it, and nothing in it has the keyboard's focus. */
export const atRest = (list) =>
  !(mouse.matches && list.matches(":hover")) && !list.querySelector(":focus-visible, details[open]");

/** After an answer, whatever has moved under the pointer presses nothing for a moment. */
export function disarm() {
  allArmedFrom = performance.now() + DISARMED_MS;
}

/** Whether a button does nothing now: `stale` if its meaning is out of date, `disarmed` for a moment, or null. */
export function refusal(button) {
  const guard = button.closest("[data-guard]");
  if (!guard) return null;
  if ("stale" in guard.dataset) return "stale";
  return performance.now() < Math.max(allArmedFrom, armedFrom.get(guard) ?? 0) ? "disarmed" : null;
}

/** `left` is called when the reader has left what may have been waiting for it. */
export function start(left) {
  const later = () => {
    clearTimeout(resting);
    resting = setTimeout(left, REST_MS);
  };
  let inside = null;
  document.addEventListener("pointerover", ({ target }) => {
    const now = target.closest?.("[data-guard], [data-rest]") ?? null;
    if (now !== inside && inside) later();
    inside = now;
  });
  document.documentElement.addEventListener("pointerleave", () => ((inside = null), later()));
  document.addEventListener("focusout", later);
  document.addEventListener("toggle", later, true);
}
