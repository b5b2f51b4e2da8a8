/* The page's live connection, its pill, and the panel that the pill opens. */

import { show } from "./pill.js";
import { SharedLive } from "./shared-live.js";
import { dates, text } from "./texts.js";

const SLOW_MS = 3_000; // connecting is shown when it takes longer
const PAINT_MS = 100;
const LONG_MS = 10_000; // an interruption that lasts longer is announced to screen readers

const panel = document.getElementById("connection");
const find = (name) => panel.querySelector(`[data-slot="${name}"]`);

/** Go on from the page's cursor. `onEvent(type, data, id)` receives each event once, in order, in each of the tabs. */
export function connect(options) {
  const { who, version, hidden = 0, times = "{}" } = panel.dataset;
  const live = new SharedLive({ who, version, hidden: Number(hidden), times: JSON.parse(times), onState: report, ...options });
  setTimeout(() => ((slow = true), paint(live.state, live)), SLOW_MS);
  for (const name of ["pause", "resume", "reconnect"]) find(name).addEventListener("click", () => live[name]());
  panel.addEventListener("toggle", () => paint(live.state, live));
  document.addEventListener("submit", ({ target }) => target.matches('[action="/sign-out"]') && live.signOut());
  return live;
}

let slow = false;
let shown; // the state
let painting;

/** A new state at once; what else changes with each event, such as when it came, after a moment with the rest. */
function report(state, live) {
  if (state !== shown) return paint(state, live);
  painting ??= setTimeout(() => paint(live.state, live), PAINT_MS);
}

function paint(state, live) {
  clearTimeout(painting);
  painting = undefined;
  if (state === "connecting" && !slow) return;
  shown = state;
  show(state, live.events.overflow ? `${live.events.waiting}+` : live.events.waiting);
  announce(state);
  const { replayed } = live.events;
  const missed = replayed ? text(replayed === 1 ? "replayed_one" : "replayed", { count: replayed }) : "";
  for (const place of document.querySelectorAll("[data-replayed]")) if (place.textContent !== missed) place.textContent = missed;
  if (!panel.matches(":popover-open")) return;
  find("words").textContent = text(`connection_${state}`);
  find("last").textContent = live.events.at ? text("last_update", { time: live.events.at.toLocaleTimeString(dates) }) : "";
  find("shared").textContent = live.count ? text("tabs_sharing", { count: live.count + 1 }) : "";
  find("pause").hidden = live.events.paused || state === "signed_out";
  find("resume").hidden = !live.events.paused;
  find("reload").hidden = state !== "outdated";
  find("sign-in").hidden = state !== "signed_out";
}

let announcing;
let lost = false;

/** Only a long interruption, and its end. */
function announce(state) {
  const fine = !["reconnecting", "offline"].includes(state);
  if (fine) {
    clearTimeout(announcing);
    announcing = undefined;
    if (lost) say("live_again");
    lost = false;
  } else announcing ??= setTimeout(() => ((lost = true), say("live_lost")), LONG_MS);
}

function say(name) {
  const region = document.getElementById("say");
  region.textContent = text(name);
  setTimeout(() => region.textContent === text(name) && (region.textContent = ""), 5_000);
}
