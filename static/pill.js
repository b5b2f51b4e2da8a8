/* The indicator in the corner: the state of the live connection. */

import { text } from "./texts.js";

export function show(state) {
  const pill = document.getElementById("pill");
  pill.dataset.state = state;
  pill.textContent = text(`state_${state}`);
  pill.hidden = false;
}
