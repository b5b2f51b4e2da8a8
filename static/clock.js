/* Times: "4 min ago" by the server's clock, updated regularly; exact times in the reader's time zone. */

import { dates, text } from "./texts.js";

const DAY = { this: { day: "numeric", month: "short" }, numeric: { day: "numeric", month: "short", year: "numeric" } };
const TIME = { hour: "2-digit", minute: "2-digit" };
const formats = new Map();

let offset = 0;
let timeZone; // the reader's own choice, or undefined for that of the browser

/** Use the server's time; the reader's clock may be wrong. */
export function setClock(at) {
  offset = Date.parse(at) - Date.now();
}

export function show(time) {
  if (!time.dateTime) return (time.textContent = "");
  const at = new Date(time.dateTime);
  const shown = time.hasAttribute("data-exact") ? exact(at) : relative(at);
  if (time.textContent !== shown) time.textContent = shown;
}

/** The whole time, for who points at it; written then only, since a board shows hundreds. */
function showWhole({ target }) {
  const time = target.closest?.("time[datetime]");
  if (time?.dateTime) time.title = new Date(time.dateTime).toLocaleString(dates, { dateStyle: "full", timeStyle: "long", timeZone });
}

function relative(at) {
  const seconds = Math.floor((Date.now() + offset - at) / 1000);
  if (seconds < 5) return text("just_now");
  if (seconds < 60) return text("seconds_ago", { count: seconds });
  if (seconds < 3600) return text("minutes_ago", { count: Math.floor(seconds / 60) });
  if (seconds < 86400) return text("hours_ago", { count: Math.floor(seconds / 3600) });
  return exact(at);
}

function exact(at) {
  const year = at.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return `${written(DAY[year ?? "this"], at)}, ${written(TIME, at)}`;
}

/** With a format that is made once: making one takes a hundred times as long as using it. */
function written(options, at) {
  if (!formats.has(options)) formats.set(options, new Intl.DateTimeFormat(dates, { ...options, timeZone }));
  return formats.get(options).format(at);
}

export function showAll() {
  document.querySelectorAll("time[datetime]").forEach(show);
}

export function start(chosen) {
  timeZone = chosen ?? undefined;
  const zone = new Intl.DateTimeFormat(dates, { timeZoneName: "short", timeZone }).resolvedOptions().timeZone;
  document.getElementById("zone").textContent = text("zone", { zone });
  showAll();
  document.addEventListener("pointerover", showWhole);
  setInterval(() => document.hidden || showAll(), 5000);
}
