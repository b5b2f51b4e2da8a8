/*
 * One live stream for all of a browser's tabs. A browser opens six connections to a host without TLS, for all of its tabs
 * together: with a stream in each, the seventh would never load.
 *
 * One tab leads: it has the stream, and relays what arrives to the others. Each tab keeps a cursor of its own, so nothing is
 * lost or repeated when the leader closes and another one goes on. Tabs that cannot talk to each other have a stream each; from
 * the fifth on they poll.
 */

import { candidate, stores } from "./leader.js";
import { OnwardLive, TIMES } from "./onward-live.js";
import { TabEvents } from "./tab-events.js";

const SEATS = [1, 2, 3, 4]; // streams of tabs that cannot talk to each other; two connections remain for requests
const LEADING = {
  leader: 40_000, // a leader that shows no sign of life for so long is replaced
  sign: 10_000, // it shows one even if nothing arrives
};

export class SharedLive {
  /**
   * `onEvent` and `onState` as those of OnwardLive, with two more states: paused and outdated. `who` names the principal; only
   * its tabs share. `version` is that of the service that drew the page. A page that was `hidden` for so many milliseconds
   * lets its connection go until it is shown again (0: never).
   */
  constructor({ who, cursor, onEvent, onState = () => {}, version = "", hidden = 0, times = {}, ...stream }) {
    Object.assign(this, { who, onState, version, hidden, stream, times: { ...TIMES, ...LEADING, ...times }, newest: version });
    Object.assign(this, { connection: "connecting", tab: `${Math.random()}`, others: new Set(), count: 0 });
    this.events = new TabEvents(cursor, onEvent);
    this.ends = new AbortController();
    const { signal } = this.ends;
    addEventListener("pagehide", () => this.leave(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.join(), { signal });
    document.addEventListener("freeze", () => this.leave(), { signal });
    document.addEventListener("resume", () => this.join(), { signal });
    document.addEventListener("visibilitychange", () => this.seen(), { signal });
    this.join();
  }

  close() {
    this.leave();
    this.ends.abort();
    clearTimeout(this.letting);
  }

  pause() {
    this.events.pause();
    this.report();
  }

  resume() {
    this.events.resume();
    this.report();
  }

  /** Use another connection, in whichever tab it is. */
  reconnect() {
    if (this.connection === "signed_out") this.join();
    else this.act("open");
  }

  /** The person signs out in this tab: the others need not find out by themselves. */
  signOut() {
    this.post({ kind: "bye" });
  }

  /** What to show: live, connecting, reconnecting, polling, offline, paused, outdated or signed_out. */
  get state() {
    const { connection, newest, version } = this;
    if (connection === "offline" || connection === "signed_out") return connection;
    if (this.events.paused) return "paused";
    const outdated = version && newest !== version;
    return outdated && (connection === "live" || connection === "polling") ? "outdated" : connection;
  }

  // ---- Joining and leaving the tabs of this principal

  join() {
    this.leave();
    this.connection = "connecting";
    const name = `onward-live:${this.who}`;
    const stored = stores();
    if (self.BroadcastChannel && (navigator.locks || stored)) {
      this.channel = new BroadcastChannel(name);
      this.channel.onmessage = ({ data }) => this.received(data);
      this.leadership = candidate([name], () => this.lead(), () => this.follow(), this.times);
      this.follow();
      this.leadership.wait();
    } else if (stored) {
      const seats = SEATS.map((seat) => `${name}:${seat}`);
      this.leadership = candidate(seats, () => this.lead(), () => this.lead(false), this.times);
      this.leadership.wait();
      if (!this.leadership.leads) this.lead(false);
    } else this.lead();
  }

  leave() {
    this.post({ kind: "leave" });
    this.stop();
    this.channel?.close();
    this.channel = null;
  }

  /** Neither lead nor follow, but listen to the others. */
  stop() {
    this.rest();
    this.leadership?.quit();
    this.leadership = null;
  }

  rest() {
    clearTimeout(this.watchdog);
    clearInterval(this.signs);
    this.live?.close();
    this.live = null;
    this.joined = false;
  }

  /** Open the stream, from this tab's cursor; `streams: false` polls. */
  lead(streams = true) {
    this.rest();
    this.others.clear();
    const onEvent = (type, data, id) => this.relay(type, data, id);
    const { stream, times, events } = this;
    this.live = new OnwardLive({ ...stream, streams, times, cursor: events.cursor, onEvent, onState: (state) => this.announce(state) });
    this.signs = setInterval(() => this.announce(this.live.state), this.times.sign);
    this.post({ kind: "lead" });
  }

  /** Ask the leader for what this tab has missed. If there is none yet, it will ask. */
  follow() {
    this.rest();
    this.post({ kind: "join", cursor: this.events.cursor });
    this.expect();
  }

  /** A leader that shows no sign of life is replaced. */
  expect() {
    clearTimeout(this.watchdog);
    const wait = this.times.leader * (1 + Math.random() / 80); // not all at once
    this.watchdog = setTimeout(() => this.leadership?.wait(true), wait);
  }

  // ---- What the tabs say to each other

  post(message) {
    this.channel?.postMessage({ ...message, tab: this.tab });
  }

  received(message) {
    const { kind, state } = message;
    if (kind === "bye") return this.signedOut();
    if (this.connection === "signed_out") return kind === "state" && state === "live" && this.join();
    if (this.live) return this.answer(message);
    if (!["lead", "state", "missed", "event"].includes(kind)) return; // another tab's to the leader
    this.expect();
    if (kind === "lead") this.follow();
    if (kind === "state") this.become(state, message.newest, message.count);
    if (kind === "missed" && message.to === this.tab) this.welcome(message);
    if (kind !== "event" || !this.joined) return; // before it is welcomed, there may be a gap before this event
    this.events.take(message.type, message.data, message.id);
    this.report();
  }

  /** As the leader. */
  answer({ kind, tab, cursor, what }) {
    if (kind === "act") this.live[what]();
    if (kind === "leave") this.others.delete(tab);
    if (kind !== "join") return;
    this.others.add(tab);
    this.post({ kind: "missed", to: tab, missed: this.events.after(cursor), cursor: this.events.cursor });
    this.announce(this.live.state);
  }

  welcome({ missed, cursor }) {
    this.joined = true;
    if (missed) for (const one of missed) this.events.take(...one);
    else this.events.take("resync", { type: "resync", reason: "too far behind" }, cursor);
    this.report();
  }

  relay(type, data, id) {
    if (type === "hello") this.newest = data.version ?? this.newest;
    if (this.others.size) this.post({ kind: "event", type, data, id }); // who joins later asks for what it missed
    this.events.take(type, data, id);
    this.report();
  }

  announce(state) {
    this.post({ kind: "state", state, newest: this.newest, count: this.others.size });
    this.become(state, this.newest, this.others.size);
  }

  become(state, newest, count) {
    if (state === "signed_out") return this.signedOut();
    if (state !== "connecting") this.connection = state; // a new leader's, which goes on
    Object.assign(this, { newest, count });
    this.report();
  }

  /** Nothing more is asked for, until another tab is live again or the reader asks for it. */
  signedOut() {
    this.stop();
    this.connection = "signed_out";
    this.report();
  }

  act(what) {
    if (this.live) this.live[what]();
    else this.post({ kind: "act", what });
  }

  report() {
    this.onState(this.state, this);
  }

  /** Shown or hidden. */
  seen() {
    clearTimeout(this.letting);
    if (document.hidden) {
      if (this.hidden) this.letting = setTimeout(() => this.letGo(), this.hidden);
    } else if (this.gone) {
      this.gone = false;
      this.join();
    } else if (!this.live && this.connection !== "signed_out") this.act("hurry");
  }

  letGo() {
    this.leave();
    this.gone = true;
  }
}
