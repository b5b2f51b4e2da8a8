/* The bell: the count comes from the server, never from counting here. */

const CALM_MS = 300; // one change brings two notifications; a burst brings many

let asking;

export function ring() {
  clearTimeout(asking);
  asking = setTimeout(ask, CALM_MS);
}

async function ask() {
  const answer = await fetch("/api/notifications?limit=1").catch(() => null);
  if (answer?.ok) show((await answer.json()).unread_count);
}

function show(unread) {
  const bell = document.getElementById("bell");
  const count = bell.querySelector(".count");
  bell.setAttribute("aria-label", `Notifications, ${unread} unread`);
  count.textContent = unread < 100 ? unread : "99+";
  count.hidden = unread === 0;
  if (document.querySelector("[data-list]")) {
    document.title = (unread ? `(${unread}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  }
}
