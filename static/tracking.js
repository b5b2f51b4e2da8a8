/* The tracking page polls while it is visible: without an account it has no live stream. */

import { show } from "./pill.js";

const POLL_MS = 10_000;

async function poll() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  if (!answer || answer.status >= 500) return show("offline");
  if (!answer.ok) return location.reload(); // the link has expired: show the page that says so
  show("polling");
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [mine, theirs] = [document, fresh].map((page) => page.getElementById("order"));
  if (!theirs || mine.dataset.version === theirs.dataset.version) return;
  mine.replaceWith(document.adoptNode(theirs));
  document.title = fresh.title;
  document.getElementById("say").textContent = theirs.querySelector("h1").textContent;
}

show("polling");
setInterval(poll, POLL_MS);
document.addEventListener("visibilitychange", poll);
