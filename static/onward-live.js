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
 * that is impossible, `onEvent` receives `resync`: reload what you display. Where no stream gets through, as behind a proxy
 * that holds answers, it asks for the events every 10 seconds, and goes on trying. `close()` closes it for good.
 */

export const STORED = [
  "order.created", "order.status_changed", "order.corrected", "order.updated", "order.notification_resent", "message.created", "message.seen",
  "notification.created", "notification.read",
];
const TYPES = [...STORED, "hello", "heartbeat", "resync", "bye", "notification.count"];
const HOME = new URL("..", import.meta.url);

/** All in milliseconds. */
export const TIMES = {
  hello: 5_000, // an attempt that brings no event within this time is given up for another connection
  patience: 15_000, // without a stream for so long, events are polled; on a new page after `hello`
  silence: 40_000, // the server sends a heartbeat every 15 s
  steady: 2_000, // a shorter interruption is not reported
  poll: 10_000, // ± 20 %
  answer: 15_000, // a poll without an answer by then has failed
  backoff: [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000],
};

/** Where the stream, its events page by page, and the check whether we are still signed in are. */
export const PATHS = { stream: "/api/stream", events: "/api/events", me: "/api/me" };

export class OnwardLive {
  /**
   * `onEvent(type, data, id)` receives each event; `onState(state)` gets live, reconnecting, polling, offline or signed_out;
   * before, `state` is connecting. `cursor` is the last event id received. `channels` restricts the channels, or names those
   * of a service. `token` is a bearer token or a function that returns one; it is exchanged for a ticket and never appears in
   * a URL. `hidden`: milliseconds after which a hidden page lets its connection go, until it is shown again (0: never).
   * `streams: false` only polls. Without `paths.events` each poll is a `resync`.
   */
  constructor({ onEvent, onState = () => {}, cursor = "", channels = "", token = null, url = HOME, ...more }) {
    const { hidden = 0, streams = true, times = {}, paths = {} } = more;
    Object.assign(this, { onEvent, onState, cursor, channels, token, url, hidden, streams });
    Object.assign(this, { times: { ...TIMES, ...times }, paths: { ...PATHS, ...paths } });
    Object.assign(this, { state: "connecting", failures: 0, attempt: 0, asked: 0 });
    this.ends = new AbortController();
    const { signal } = this.ends;
    addEventListener("online", () => this.hurry(), { signal });
    addEventListener("offline", () => this.state === "signed_out" || this.setState("offline"), { signal });
    addEventListener("pagehide", () => this.disconnect(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.open(), { signal });
    document.addEventListener("visibilitychange", () => this.seen(), { signal });
    this.open();
  }

  /** Connect again, from this cursor. */
  open(cursor = this.cursor) {
    this.disconnect();
    this.cursor = cursor;
    this.failures = 0;
    if (!this.streams) return this.poll();
    this.patience = setTimeout(() => this.poll(), this.times.hello);
    this.connect();
  }

  /** Close for good. */
  close() {
    this.disconnect();
    this.ends.abort();
    clearTimeout(this.reporting);
    clearTimeout(this.letting);
  }

  disconnect() {
    this.drop();
    this.stopPolling();
  }

  /** One attempt, over a connection of its own. */
  async connect() {
    this.drop();
    const mine = ++this.attempt;
    this.expect(this.times.hello);
    const address = await this.address().catch((error) => error);
    if (mine !== this.attempt) return; // closed, or tried once more, while a ticket was fetched
    if (address instanceof Error) return this.refused();
    const source = (this.source = new EventSource(address));
    for (const type of TYPES) source.addEventListener(type, (event) => this.received(type, event));
    source.onopen = () => this.expect(this.times.hello);
    source.onerror = () => (source.readyState === EventSource.CLOSED ? this.refused() : this.lost());
  }

  drop() {
    this.attempt += 1;
    clearTimeout(this.watchdog);
    clearTimeout(this.retry);
    this.source?.close();
  }

  async address() {
    const address = new URL(this.paths.stream, this.url);
    if (this.cursor) address.searchParams.set("last_event_id", this.cursor);
    if (this.channels) address.searchParams.set("channels", this.channels);
    address.searchParams.set("attempt", Date.now()); // or the answer of a dead connection could be waited for
    if (this.token) {
      const answer = await this.ask("POST", "/api/stream-tickets");
      if (!answer.ok) throw new Error(`no ticket: ${answer.status}`);
      address.searchParams.set("ticket", (await answer.json()).ticket);
    }
    return address;
  }

  async ask(method, path) {
    const token = typeof this.token === "function" ? await this.token() : this.token;
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    return fetch(new URL(path, this.url), { method, headers, signal: AbortSignal.timeout(this.times.answer) });
  }

  received(type, event) {
    const data = JSON.parse(event.data);
    if (type === "bye") return this.lost(data.retry_ms); // the browser reconnects by itself, after this time
    this.expect(this.times.silence);
    this.stopPolling();
    this.failures = 0;
    this.setState("live"); // only an event proves it: a buffering proxy opens the stream and delivers nothing
    this.deliver(type, data, event.lastEventId);
  }

  /** Each stored event once: what was polled while a stream was opened comes by the stream too. */
  deliver(type, data, id) {
    const fresh = type === "resync" || isAfter(id, this.cursor);
    if (STORED.includes(type) && !fresh) return;
    if (id && fresh) this.cursor = id; // any event has the id of the last stored one
    this.onEvent(type, data, id);
  }

  /** Something has to arrive within this time. */
  expect(milliseconds) {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => (this.lost(), this.again()), milliseconds);
  }

  /** The stream is interrupted; if nothing arrives for long, events are polled. */
  lost(pause = 2_000) {
    this.expect(pause + this.times.hello);
    if (this.state === "live") this.setState(navigator.onLine ? "reconnecting" : "offline", this.times.steady);
    this.patience ??= setTimeout(() => this.poll(), this.times.patience);
  }

  again() {
    this.drop();
    const longest = this.times.backoff[Math.min(this.failures++, this.times.backoff.length - 1)];
    this.retry = setTimeout(() => this.connect(), (0.5 + Math.random() / 2) * longest);
  }

  /** EventSource has given up, as it does when its ticket is used. Check that we are still signed in, and try again. */
  async refused() {
    this.lost();
    this.drop();
    const mine = this.attempt;
    const status = await this.ask("GET", this.paths.me).then((answer) => answer.status, () => 0);
    if (mine !== this.attempt) return;
    if (status === 401) this.signedOut();
    else this.again();
  }

  signedOut() {
    this.disconnect();
    this.setState("signed_out");
  }

  /** Ask for the events since the cursor, again and again until one comes by a stream. */
  async poll() {
    clearTimeout(this.patience);
    const mine = ++this.asked;
    const answer = await this.polled().catch(() => ({ status: 0 }));
    if (mine !== this.asked) return;
    if (answer.status === 401 || answer.status === 403) return this.signedOut();
    const { events = [], next_cursor: next, more = false, resync } = answer;
    for (const { type, data, id } of events) this.deliver(type, data, id);
    if (next) this.cursor = next;
    if (resync) this.deliver("resync", { type: "resync", reason: resync }, answer.head);
    if (answer.status) this.setState("polling");
    else this.setState(navigator.onLine ? "reconnecting" : "offline");
    this.patience = setTimeout(() => this.poll(), more ? 0 : this.times.poll * (0.8 + 0.4 * Math.random()));
  }

  /** The next events, or why there are none; throws where there is no usable answer. */
  async polled() {
    if (!this.paths.events) return { status: 200, resync: "polling", head: "" };
    const page = new URL(this.cursor ? this.paths.events : "/api/orders?limit=1", this.url);
    if (this.cursor) page.searchParams.set("after", this.cursor);
    if (this.channels && this.cursor) page.searchParams.set("channels", this.channels);
    const answer = await this.ask("GET", page);
    const { status } = answer;
    if (status === 401 || status === 403) return { status };
    const body = await answer.json();
    if (status === 410) return { status, resync: body.reason, head: body.head };
    if (status !== 200) throw new Error(`the events returned ${status}`);
    return this.cursor ? { ...body, status } : { status, next_cursor: answer.headers.get("Onward-Cursor") };
  }

  stopPolling() {
    this.asked += 1;
    clearTimeout(this.patience);
    this.patience = null;
  }

  /** The network or the reader is back: skip the rest of the backoff. */
  hurry() {
    if (this.state === "live" || this.state === "signed_out") return;
    if (this.state === "polling") this.poll();
    this.failures = 0;
    if (this.streams) this.connect();
  }

  /** Shown or hidden. */
  seen() {
    clearTimeout(this.letting);
    if (document.hidden) {
      if (this.hidden) this.letting = setTimeout(() => this.letGo(), this.hidden);
    } else if (this.gone) {
      this.gone = false;
      this.open();
    } else this.hurry();
  }

  letGo() {
    this.disconnect();
    this.gone = true;
    this.state = "connecting"; // not reported: nobody is looking
  }

  setState(state, after = 0) {
    if (state === this.state) return;
    clearTimeout(this.reporting);
    this.state = state;
    this.reporting = setTimeout(() => this.onState(state), after);
  }
}

/** Whether an event id is behind a cursor; ids of another log are. */
export function isAfter(id, cursor) {
  const [[epoch, number], [theirs, last]] = [id, cursor].map((one) => one.split("."));
  return epoch !== theirs || Number(number) > Number(last);
}
