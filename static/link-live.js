/*
 * Follows the order of a tracking link, without an account.
 *
 *   new LinkLive({ link, cursor, onChange, onState })
 *
 * `onChange` reads what is shown again; it is called whenever that may be old, and returns false once the link is no
 * longer valid. `onState` gets live, polling, offline or gone. A browser has few connections to a server: at most three
 * streams are open at a time, all others ask every ten seconds, and so does whoever is behind a proxy that holds a
 * stream back.
 */

const CHANGES = ["order.created", "order.status_changed", "order.corrected", "order.updated", "message.created", "resync"];
const HELLO_MS = 5_000; // a stream that has said nothing by then is held back somewhere
const SILENCE_MS = 40_000; // the server sends a heartbeat every 15 s
const POLL_MS = 10_000;
const PAUSE_MS = 250; // between two readings
const RETRY_MS = [1_000, 4_000, 15_000, 60_000];
const RECONNECT_MS = 2_000; // when EventSource tries again by itself, unless it is asked to wait for longer
const COMING_BACK = ["restart", "renew", "new log"]; // why a stream ends that goes on elsewhere
const STREAMS = 3;

let open = 0; // where there are no locks, which need HTTPS

/** Take one of the browser's places for a stream; resolves to what gives it back, or to null. */
async function place() {
  if (!navigator.locks) return open < STREAMS ? (open++, () => open--) : null;
  for (let number = 1; number <= STREAMS; number++) {
    const release = await new Promise((resolve) => {
      const hold = (lock) => lock && new Promise((leave) => resolve(leave));
      navigator.locks.request(`onward-link-${number}`, { ifAvailable: true }, hold).then(() => resolve(null), () => resolve(null));
    });
    if (release) return release;
  }
  return null;
}

export class LinkLive {
  constructor({ link, cursor = "", onChange, onState = () => {} }) {
    Object.assign(this, { link, cursor, onChange, onState, failures: 0, state: "", stale: !cursor, wait: RECONNECT_MS });
    this.ends = new AbortController();
    const { signal } = this.ends;
    addEventListener("pagehide", () => this.disconnect(), { signal });
    addEventListener("pageshow", (event) => event.persisted && (this.refresh(), this.start()), { signal });
    addEventListener("online", () => this.hurry(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry(), { signal });
    this.polling = setInterval(() => this.state === "live" || document.hidden || this.refresh(), POLL_MS * (0.9 + Math.random() / 5));
    this.start();
  }

  /** Close for good. */
  close() {
    this.ends.abort();
    clearInterval(this.polling);
    clearTimeout(this.pause);
    this.disconnect();
  }

  async start() {
    this.disconnect();
    const mine = (this.attempt = {});
    const release = await place();
    if (mine !== this.attempt || this.ends.signal.aborted) return release?.();
    if (!release) return this.later(RETRY_MS.length - 1);
    this.release = release;
    const address = new URL(`${this.link}/stream`);
    if (this.cursor) address.searchParams.set("last_event_id", this.cursor);
    this.source = new EventSource(address);
    this.within(HELLO_MS);
    const received = (event) => this.received(event);
    for (const type of ["hello", "heartbeat", "bye", ...CHANGES]) this.source.addEventListener(type, received);
    // It reconnects by itself, except after an answer that is no stream.
    this.source.onerror = () => (this.source.readyState === EventSource.CLOSED ? this.lost() : this.within(this.wait + HELLO_MS));
  }

  disconnect() {
    this.attempt = null;
    clearTimeout(this.deadline);
    this.source?.close();
    this.release?.();
    this.release = null;
  }

  received(event) {
    if (event.lastEventId) this.cursor = event.lastEventId;
    if (event.type === "bye") {
      const { reason, retry_ms } = JSON.parse(event.data);
      this.wait = retry_ms;
      return COMING_BACK.includes(reason) || this.lost(RETRY_MS.length - 1);
    }
    this.failures = 0;
    this.wait = RECONNECT_MS;
    this.within(SILENCE_MS);
    this.say("live");
    if (this.stale || CHANGES.includes(event.type)) this.refresh();
  }

  within(ms) {
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.lost(), ms);
  }

  /** The stream is no use: ask at once, and try another connection after a while. */
  lost(least = 0) {
    this.disconnect();
    this.refresh();
    this.later(least);
  }

  later(least) {
    this.say("polling");
    if (this.stale) this.refresh();
    const longest = RETRY_MS[Math.max(least, Math.min(this.failures++, RETRY_MS.length - 1))];
    this.deadline = setTimeout(() => this.start(), longest * (0.5 + Math.random() / 2));
  }

  /** The reader or the network is back. */
  hurry() {
    if (this.state === "live" || this.state === "gone") return;
    this.refresh();
    this.start();
  }

  /** Read again what is shown: one reading at a time, and one more if it became old meanwhile. */
  async refresh() {
    if (this.reading) return (this.again = true);
    this.reading = true;
    this.again = false;
    const valid = await Promise.resolve(this.onChange()).catch(() => null);
    this.stale = valid === null;
    if (valid === false) return this.close(), this.say("gone");
    if (valid === null) this.say("offline");
    else if (this.state === "offline") this.say("polling");
    this.pause = setTimeout(() => ((this.reading = false), this.again && this.refresh()), PAUSE_MS);
  }

  say(state) {
    if (state !== this.state) this.onState((this.state = state));
  }
}
