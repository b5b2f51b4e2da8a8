/* The page as the server rendered it: its address, its cursor, its token. */

export const page = {
  boot: JSON.parse(document.getElementById("boot").textContent),
  path: document.body.dataset.path,
  cursor: document.body.dataset.cursor,
};

/** Announce to screen readers: what the reader's own action did, or what others did to the open order. */
export function say(sentence, urgent = false) {
  if (!sentence) return;
  const region = document.getElementById(urgent ? "say-now" : "say");
  region.textContent = sentence;
  setTimeout(() => region.textContent === sentence && (region.textContent = ""), 5000);
}

/** An idempotency key for one action; randomUUID is not available on plain HTTP. */
export function freshKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
