/* The page as the server rendered it: its data, its cursor, and how to fetch it again. */

import { text } from "./texts.js";

const NOT_HERE = [401, 403, 404];
const read = (root) => JSON.parse(root.getElementById("boot").textContent);

export const page = {
  boot: read(document),
  path: document.body.dataset.path,
  cursor: document.body.dataset.cursor,
  csrf: document.querySelector('meta[name="csrf"]').content,
  took: 0, // milliseconds that the last fetch of the page took
};

/** The name of who acted, for this reader: *You* only if it is the very person. As `who` in dashboard/messages.py. */
export function nameOf(actor, names = page.boot.names) {
  const { role, id, person, api_key: key, demo } = actor;
  const via = person ? `person:${person.id}` : demo ? "demo" : null;
  if (via && via === page.boot.via && role === page.boot.role && id === page.boot.id) return text("you");
  if (person) return person.name ? (person.former ? text("former", { person: person.name }) : person.name) : text("erased");
  if (key) return text("by_key", { key: key.name ?? key.id });
  return (demo && names[`${role}:${id}`]) || (names[role] ?? text("someone"));
}

/** Fetch this page again and replace its main part; a draft message is kept. Throws on failure. */
export async function refresh() {
  const asked = performance.now();
  const answer = await fetch(page.path, { headers: { Accept: "text/html" } });
  const html = await answer.text();
  page.took = performance.now() - asked;
  const fresh = new DOMParser().parseFromString(html, "text/html");
  if (answer.ok ? !fresh.getElementById("boot") : NOT_HERE.includes(answer.status)) return location.assign(page.path);
  if (!answer.ok) throw new Error(`the page returned ${answer.status}`); // it may work a moment later
  const draft = document.getElementById("body")?.value;
  const ticked = [...document.querySelectorAll("#inbox input:checked")].map((box) => box.name);
  const internal = document.getElementById("internal")?.checked;
  const scrolled = document.getElementById("board")?.scrollLeft;
  document.querySelector("main").replaceWith(document.adoptNode(fresh.querySelector("main")));
  page.boot = read(document);
  page.cursor = fresh.body.dataset.cursor;
  if (draft) document.getElementById("body").value = draft;
  for (const name of ticked) document.getElementsByName(name).forEach((box) => (box.checked = true));
  if (internal) document.getElementById("internal").checked = true; // or the draft of a note would become a message
  if (scrolled) document.getElementById("board").scrollLeft = scrolled;
}

/** Announce the result of the reader's own action to screen readers. */
export function say(sentence, urgent = false) {
  const region = document.getElementById(urgent ? "say-now" : "say");
  region.textContent = sentence;
  setTimeout(() => region.textContent === sentence && (region.textContent = ""), 5000);
}
