/*
 * Live events for any page; ours use it too.
 *
 *   import { OnwardLive } from "https://orders.example/static/onward-live.js";
 *
 *   const live = new OnwardLive({
 *     token: () => fetch("/my/onward-token").then((answer) => answer.text()), // left out: the session cookie is used
 *     hear: (type, data, id) => console.log(type, data.order?.status),
 *     show: (state) => console.log(state),
 *   });
 *
 * It comes back after every break, and goes on from where it was heard last: nothing is missed, nothing comes twice. Where
 * that cannot be, `hear` gets `resync`: fetch what you show anew. `close()` ends it.
 */

const TYPES = [
  "hello", "heartbeat", "resync", "bye",
  "order.created", "order.status_changed", "message.created", "notification.created",
];
const SILENCE_MS = 40_000; // the server is heard every 15 s
const STEADY_MS = 2_000; // a break shorter than this is not worth a word
const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000];
const HOME = new URL("..", import.meta.url);

export class OnwardLive {
  /**
   * `hear(type, data, id)` gets what comes; `show(state)` is told connecting, live, reconnecting, offline or signed_out.
   * `cursor` is the id of the last event that was seen. `channels` are fewer than all of one's own, or what a service
   * names. `token` is a bearer token or a function that gets one; it is changed for a ticket and stands in no address.
   */
  constructor({ hear, show = () => {}, cursor = "", channels = "", token = null, url = HOME }) {
    Object.assign(this, { hear, show, cursor, channels, token, url, state: "connecting", failures: 0, opened: 0 });
    this.ends = new AbortController();
    const { signal } = this.ends;
    addEventListener("online", () => this.hurry(), { signal });
    addEventListener("offline", () => this.tell("offline"), { signal });
    addEventListener("pagehide", () => this.leave(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.open(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry(), { signal });
    this.open();
  }

  /** Begin anew from this cursor. */
  async open(cursor = this.cursor) {
    this.leave();
    this.cursor = cursor;
    const mine = ++this.opened;
    this.watch();
    const address = await this.address().catch((error) => error);
    if (mine !== this.opened) return; // closed, or opened once more, while a ticket was fetched
    if (address instanceof Error) return this.refused();
    const source = new EventSource(address);
    for (const type of TYPES) source.addEventListener(type, (event) => this.heard(type, event));
    source.onerror = () => (source.readyState === EventSource.CLOSED ? this.refused() : this.lost());
    this.source = source;
  }

  /** End for good. */
  close() {
    this.leave();
    this.ends.abort();
    clearTimeout(this.telling);
  }

  leave() {
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

  heard(type, event) {
    if (event.lastEventId) this.cursor = event.lastEventId;
    const data = JSON.parse(event.data);
    this.watch(data.retry_ms);
    if (type === "bye") return this.lost(); // the browser comes back by itself, when the server told it to
    this.failures = 0;
    this.tell("live"); // only what was heard proves it: a buffering proxy opens and delivers nothing
    this.hear(type, data, event.lastEventId);
  }

  watch(pause = 0) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => (this.lost(), this.open()), SILENCE_MS + pause);
  }

  lost() {
    if (this.state === "live") this.tell("reconnecting", STEADY_MS);
  }

  /** EventSource has given up, as it does when its ticket is used up. Ask whether we are still somebody, and try again. */
  async refused() {
    this.leave();
    this.lost();
    const mine = this.opened;
    const status = await this.ask("GET", "/api/me").then((answer) => answer.status, () => 0);
    if (mine !== this.opened) return;
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
