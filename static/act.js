/* Forms without a reload: the same form is sent, and the parts that it changes are answered. Without scripts it works too. */

import * as drafts from "./drafts.js";
import * as guard from "./guard.js";
import { freshKey, say } from "./page.js";
import * as parts from "./parts.js";
import { text } from "./texts.js";

const TIMEOUT_MS = 15_000;
const EXPIRED = 400;
const SIGNED_OUT = 401;

/** The status of the answer and its HTML; 0 if there was none. */
async function send(form, submitter, names) {
  try {
    const answer = await fetch(parts.address(form.getAttribute("action"), names), {
      method: "POST",
      body: new URLSearchParams(new FormData(form, submitter)),
      headers: { Accept: "text/html" },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: answer.status, html: await answer.text() };
  } catch {
    return { status: 0, html: "" };
  }
}

/** What the form's success makes old, on this page. */
function consequences(form, submitter, holder) {
  const to = form.elements.to?.value ?? submitter?.value.split(":").at(-1);
  const now = holder.closest("[data-status-now]")?.dataset.statusNow;
  const event = { kind: form.dataset.act, order: holder.dataset.order, statuses: [now, to].filter(Boolean) };
  return ["said", ...(parts.named(event).get(parts.pathOf(form)) ?? [])];
}

async function submit(form, submitter) {
  const holder = submitter?.closest("[data-order]") ?? form.closest("[data-order]") ?? form;
  if ("busy" in holder.dataset) return;
  const because = submitter && guard.refusal(submitter);
  if (because === "stale") leave(submitter);
  if (because) return because === "stale" && refuse(holder, text("just_changed"));
  const written = form.elements.body?.value;
  if (form.dataset.written !== undefined && form.dataset.written !== written) form.elements.key.value = freshKey();
  if (written !== undefined) form.dataset.written = written; // another text is another message, with another key
  pending(holder, submitter, true);
  const able = parts.ready().catch(() => location.reload());
  const { status, html } = await send(form, submitter, consequences(form, submitter, holder));
  pending(holder, submitter, false);
  guard.disarm();
  // After an answer the next click is a new action; without one it repeats the same action, with the same key.
  if (!status || status >= 500) return refuse(holder, text(form.dataset.act === "message" ? "unsent" : "unavailable"));
  if (form.elements.key) form.elements.key.value = freshKey();
  if (status === SIGNED_OUT) return refuse(holder, text("signed_out"));
  if (status === EXPIRED) return refuse(holder, text("too_old"));
  if (status < 300) succeed(form, submitter);
  await able;
  // Numbered now: it was read after the change, and what was asked for before may not have it.
  const fresh = parts.show(html, parts.begin(), status < 300);
  if (status < 300) return say(fresh.querySelector("#said p")?.textContent.trim());
  parts.outdate({ kind: form.dataset.act, order: holder.dataset.order }); // it is not what the page shows
  if (fresh.querySelector(".anyway")) closeMenus(null); // it stands below them
  refuse(holder, fresh.querySelector(".form-error:not([hidden])")?.textContent.trim() ?? text("unavailable"));
}

function succeed(form, submitter) {
  drafts.forget(form);
  delete form.dataset.written;
  form.reset();
  const menu = form.closest("details.more, details.form");
  if (menu) menu.open = false;
  leave(submitter);
}

/** The focus leaves the buttons, which are then redrawn; what it is on now does nothing when the key is pressed again. */
function leave(submitter) {
  if (!submitter?.closest("[data-guard]")?.contains(document.activeElement)) return;
  const holder = submitter.closest(".card, .holder, [data-part]");
  (holder?.querySelector(".number, h2[tabindex]") ?? document.querySelector("#order h1, main h1"))?.focus({ preventScroll: true });
}

/** The card stays where it is until the server confirms the change; until then it is shown as busy. */
function pending(holder, submitter, on) {
  if (on) holder.dataset.busy = "";
  else delete holder.dataset.busy;
  if (on) submitter?.setAttribute("aria-busy", "true");
  else submitter?.removeAttribute("aria-busy");
  if (on) showError(holder, "");
}

function refuse(holder, sentence) {
  showError(holder, sentence);
  say(sentence, true);
}

function showError(holder, sentence) {
  const element = holder.querySelector(".form-error");
  if (!element) return;
  element.querySelector("span").textContent = sentence;
  element.hidden = !sentence;
}

function closeMenus(unless) {
  for (const menu of document.querySelectorAll(".more[open]")) {
    if (menu.contains(unless)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

export function start() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-act]")) return;
    event.preventDefault();
    submit(event.target, event.submitter);
  });
  document.addEventListener("pointerdown", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closeMenus(null);
    const typed = event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.closest("form.say textarea");
    if (!typed || !matchMedia("(pointer: fine)").matches) return;
    event.preventDefault();
    typed.form.requestSubmit();
  });
}
