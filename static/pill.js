/* The pill in the corner: how fresh the page is. */

const WORDS = {
  live: "Live",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  signed_out: "Signed out",
  polling: "Updating every 10 s",
};

export function show(state) {
  const pill = document.getElementById("pill");
  pill.dataset.state = state;
  pill.textContent = WORDS[state];
  pill.hidden = false;
}
