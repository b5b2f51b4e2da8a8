/* What the server drew: the data block, the cursor, and how to fetch the page anew. */

const GONE = [401, 403, 404];
const read = (root) => JSON.parse(root.getElementById("boot").textContent);

export const page = {
  boot: read(document),
  path: document.body.dataset.path,
  cursor: document.body.dataset.cursor,
  csrf: document.querySelector('meta[name="csrf"]').content,
  took: 0, // milliseconds in which the server answered when it was last asked for the page
};

/** Fetch this page again and put its main part in place of ours; what was being written stays. Throws when it fails. */
export async function refresh() {
  const asked = performance.now();
  const answer = await fetch(page.path, { headers: { Accept: "text/html" } });
  const text = await answer.text();
  page.took = performance.now() - asked;
  const fresh = new DOMParser().parseFromString(text, "text/html");
  if (answer.ok ? !fresh.getElementById("boot") : GONE.includes(answer.status)) return location.assign(page.path);
  if (!answer.ok) throw new Error(`the page is answered with ${answer.status}`); // a moment later it may be there again
  const draft = document.getElementById("body")?.value;
  const scrolled = document.getElementById("board")?.scrollLeft;
  document.querySelector("main").replaceWith(document.adoptNode(fresh.querySelector("main")));
  page.boot = read(document);
  page.cursor = fresh.body.dataset.cursor;
  if (draft) document.getElementById("body").value = draft;
  if (scrolled) document.getElementById("board").scrollLeft = scrolled;
}

/** Tell a screen reader what came of the reader's own action. */
export function say(text, urgent = false) {
  const region = document.getElementById(urgent ? "say-now" : "say");
  region.textContent = text;
  setTimeout(() => region.textContent === text && (region.textContent = ""), 5000);
}
