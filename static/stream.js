/* One EventSource that survives: a watchdog on heartbeats, the cursor, and the reasons for giving up. */

const TYPES = [
  "hello", "heartbeat", "resync", "bye",
  "order.created", "order.status_changed", "message.created", "notification.created",
];
const SILENCE_MS = 40_000; // the server is heard every 15 s
const STEADY_MS = 2_000; // a break shorter than this is not worth a word
const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];

export class Stream {
  /** `hear(type, data)` gets what comes; `show(state)` is told connecting, live, reconnecting, offline or signed_out. */
  constructor(cursor, hear, show) {
    Object.assign(this, { cursor, hear, show, state: "connecting", failures: 0 });
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.tell("offline"));
    addEventListener("pagehide", () => this.close());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    this.open();
  }

  open(cursor = this.cursor) {
    this.close();
    this.cursor = cursor;
    const source = new EventSource(`/api/stream?last_event_id=${encodeURIComponent(cursor)}`);
    for (const type of TYPES) source.addEventListener(type, (event) => this.heard(type, event));
    source.onerror = () => (source.readyState === EventSource.CLOSED ? this.refused() : this.lost());
    this.source = source;
    this.watch();
  }

  close() {
    clearTimeout(this.watchdog);
    clearTimeout(this.retry);
    this.source?.close();
  }

  heard(type, event) {
    if (event.lastEventId) this.cursor = event.lastEventId;
    this.watch();
    if (type === "bye") return this.lost(); // the browser comes back by itself, when the server told it to
    this.failures = 0;
    this.tell("live"); // only what was heard proves it: a buffering proxy opens and delivers nothing
    this.hear(type, JSON.parse(event.data));
  }

  watch() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => (this.lost(), this.open()), SILENCE_MS);
  }

  lost() {
    if (this.state === "live") this.tell("reconnecting", STEADY_MS);
  }

  /** EventSource has given up. Ask once whether we are still somebody, and try again unless we are not. */
  async refused() {
    this.close();
    this.lost();
    const status = await fetch("/api/me").then((answer) => answer.status, () => 0);
    if (status === 401) return this.tell("signed_out");
    const longest = BACKOFF_MS[Math.min(this.failures++, BACKOFF_MS.length - 1)];
    this.retry = setTimeout(() => this.open(), 500 + Math.random() * longest);
  }

  /** The network or the reader is back: do not wait out the backoff. */
  hurry() {
    if (this.state !== "live" && this.state !== "signed_out") this.open();
  }

  tell(state, after = 0) {
    clearTimeout(this.telling);
    this.state = state;
    this.telling = setTimeout(() => this.show(state), after);
  }
}
