/* The indicator in the corner: the state of the live connection. */

import { text } from "./texts.js";

/** `count`: how many events wait while updates are paused. */
export function show(state, count = "") {
  const pill = document.getElementById("pill");
  const shown = text(`state_${state}`, { count });
  if (pill.textContent !== shown) pill.textContent = shown; // or the text would be announced again
  pill.dataset.state = state;
  pill.hidden = false;
}
