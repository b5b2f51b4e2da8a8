/* The bell: the unread count always comes from the server. */

import { text } from "./texts.js";

const DEBOUNCE_MS = 300; // one change causes two notifications; a burst causes many

let pending;

export function refreshCount() {
  clearTimeout(pending);
  pending = setTimeout(fetchCount, DEBOUNCE_MS);
}

async function fetchCount() {
  const answer = await fetch("/api/notifications?limit=1").catch(() => null);
  if (answer?.ok) show((await answer.json()).unread_count);
}

function show(unread) {
  const bell = document.getElementById("bell");
  const count = bell.querySelector(".count");
  bell.setAttribute("aria-label", text("unread", { count: unread }));
  count.textContent = unread < 100 ? unread : "99+";
  count.hidden = unread === 0;
  if (document.querySelector("[data-list]")) {
    document.title = (unread ? `(${unread}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  }
}
