/* Times: "4 min ago" by the server's clock, updated regularly; exact times in the reader's time zone. */

let offset = 0;
let timeZone; // the reader's own choice, or undefined for that of the browser

/** Use the server's time; the reader's clock may be wrong. */
export function setClock(at) {
  offset = Date.parse(at) - Date.now();
}

export function show(time) {
  if (!time.dateTime) return (time.textContent = "");
  const at = new Date(time.dateTime);
  const text = time.hasAttribute("data-exact") ? exact(at) : relative(at);
  if (time.textContent !== text) time.textContent = text;
  time.title = at.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long", timeZone });
}

function relative(at) {
  const seconds = Math.floor((Date.now() + offset - at) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return exact(at);
}

function exact(at) {
  const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  const day = at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year, timeZone });
  return `${day}, ${at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone })}`;
}

export function showAll() {
  document.querySelectorAll("time[datetime]").forEach(show);
}

export function start(chosen) {
  timeZone = chosen ?? undefined;
  const zone = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short", timeZone }).resolvedOptions().timeZone;
  document.getElementById("zone").textContent = `Times in ${zone}`;
  showAll();
  setInterval(() => document.hidden || showAll(), 5000);
}
