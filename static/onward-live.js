/*
 * Live events for any page; Onward's own pages use it too.
 *
 *   import { OnwardLive } from "https://orders.example/static/onward-live.js";
 *
 *   const live = new OnwardLive({
 *     token: () => fetch("/my/onward-token").then((answer) => answer.text()), // left out: the session cookie is used
 *     onEvent: (type, data, id) => console.log(type, data.order?.status),
 *     onState: (state) => console.log(state),
 *   });
 *
 * It reconnects after every interruption and continues after the last event: nothing is missed, nothing is repeated. If
 * that is impossible, `onEvent` receives `resync`: reload what you display. `close()` closes it for good.
 */

const TYPES = [
  "hello", "heartbeat", "resync", "bye",
  "order.created", "order.status_changed", "order.corrected", "order.updated", "order.notification_resent", "message.created", "message.seen",
  "notification.created", "notification.read", "notification.count",
];
const SILENCE_MS = 40_000; // the server sends a heartbeat every 15 s
const STEADY_MS = 2_000; // a shorter interruption is not reported
const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
const HOME = new URL("..", import.meta.url);

export class OnwardLive {
  /**
   * `onEvent(type, data, id)` receives each event; `onState(state)` gets connecting, live, reconnecting, offline or
   * signed_out. `cursor` is the last event id received. `channels` restricts the channels, or names those of a service.
   * `token` is a bearer token or a function that returns one; it is exchanged for a ticket and never appears in a URL.
   */
  constructor({ onEvent, onState = () => {}, cursor = "", channels = "", token = null, url = HOME }) {
    Object.assign(this, { onEvent, onState, cursor, channels, token, url, state: "connecting", failures: 0, opened: 0 });
    this.ends = new AbortController();
    const { signal } = this.ends;
    addEventListener("online", () => this.hurry(), { signal });
    addEventListener("offline", () => this.setState("offline"), { signal });
    addEventListener("pagehide", () => this.disconnect(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.open(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry(), { signal });
    this.open();
  }

  /** Connect again, from this cursor. */
  async open(cursor = this.cursor) {
    this.disconnect();
    this.cursor = cursor;
    const mine = ++this.opened;
    this.watch();
    const address = await this.address().catch((error) => error);
    if (mine !== this.opened) return; // closed, or opened once more, while a ticket was fetched
    if (address instanceof Error) return this.refused();
    const source = new EventSource(address);
    for (const type of TYPES) source.addEventListener(type, (event) => this.received(type, event));
    source.onerror = () => (source.readyState === EventSource.CLOSED ? this.refused() : this.lost());
    this.source = source;
  }

  /** Close for good. */
  close() {
    this.disconnect();
    this.ends.abort();
    clearTimeout(this.reporting);
  }

  disconnect() {
    this.opened += 1;
    clearTimeout(this.watchdog);
    clearTimeout(this.retry);
    this.source?.close();
  }

  async address() {
    const address = new URL("/api/stream", this.url);
    if (this.cursor) address.searchParams.set("last_event_id", this.cursor);
    if (this.channels) address.searchParams.set("channels", this.channels);
    if (this.token) {
      const answer = await this.ask("POST", "/api/stream-tickets");
      if (!answer.ok) throw new Error(`no ticket: ${answer.status}`);
      address.searchParams.set("ticket", (await answer.json()).ticket);
    }
    return address;
  }

  async ask(method, path) {
    const token = typeof this.token === "function" ? await this.token() : this.token;
    return fetch(new URL(path, this.url), { method, headers: token ? { Authorization: `Bearer ${token}` } : {} });
  }

  received(type, event) {
    if (event.lastEventId) this.cursor = event.lastEventId;
    const data = JSON.parse(event.data);
    this.watch(data.retry_ms);
    if (type === "bye") return this.lost(); // the browser reconnects by itself, after the server's retry time
    this.failures = 0;
    this.setState("live"); // only an event proves it: a buffering proxy opens the stream and delivers nothing
    this.onEvent(type, data, event.lastEventId);
  }

  watch(pause = 0) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => (this.lost(), this.open()), SILENCE_MS + pause);
  }

  lost() {
    if (this.state === "live") this.setState("reconnecting", STEADY_MS);
  }

  /** EventSource has given up, as it does when its ticket is used. Check that we are still signed in, and try again. */
  async refused() {
    this.disconnect();
    this.lost();
    const mine = this.opened;
    const status = await this.ask("GET", "/api/me").then((answer) => answer.status, () => 0);
    if (mine !== this.opened) return;
    if (status === 401) return this.setState("signed_out");
    const longest = BACKOFF_MS[Math.min(this.failures++, BACKOFF_MS.length - 1)];
    this.retry = setTimeout(() => this.open(), 500 + Math.random() * longest);
  }

  /** The network or the reader is back: skip the rest of the backoff. */
  hurry() {
    if (this.state !== "live" && this.state !== "signed_out") this.open();
  }

  setState(state, after = 0) {
    clearTimeout(this.reporting);
    this.state = state;
    this.reporting = setTimeout(() => this.onState(state), after);
  }
}
