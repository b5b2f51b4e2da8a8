/* The indicator in the corner: the state of the live connection. */

const LABELS = {
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
  pill.textContent = LABELS[state];
  pill.hidden = false;
}
