/** Live events without gaps: Server-Sent Events over fetch, continued after every interruption from the last event. */

import { Unavailable } from "./errors.js";
import { newId, refused, sleep, unanswered } from "./transport.js";

const SILENCE_MS = 40_000; // the service sends a heartbeat every 15 s; a connection that is silent for longer is dead
const USUAL_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const INSIDE = new Set(["hello", "heartbeat", "bye", "auth-expiring"]); // about the stream itself: not passed on

/** An endless asynchronous iterator of events. It reconnects after every interruption, and ends when it is closed. */
export class Listening {
  #transport;
  #path;
  #ends = new AbortController();
  #retry = USUAL_RETRY_MS;
  #bidden = 0; // milliseconds after which the service asked to reconnect, in its `bye`
  #failures = 0;
  #expires = false;
  #watchdog;

  constructor(transport, { cursor = "", channels = [], signal } = {}) {
    this.#transport = transport;
    this.#path = "/api/stream" + (channels.length ? `?${new URLSearchParams({ channels: channels.join(",") })}` : "");
    this.cursor = cursor;
    if (signal?.aborted) this.close();
    signal?.addEventListener("abort", () => this.close(), { once: true });
  }

  get closed() {
    return this.#ends.signal.aborted;
  }

  close() {
    this.#ends.abort();
  }

  async *[Symbol.asyncIterator]() {
    try {
      while (!this.closed) {
        try {
          yield* this.#untilItBreaks();
        } catch (error) {
          if (this.closed) return;
          if (!(error instanceof Unavailable)) throw error;
          this.#failures += 1;
        }
        await sleep(this.#pause(), this.#ends.signal).catch(() => {});
      }
    } finally {
      this.close(); // the loop that reads it was left
    }
  }

  #pause() {
    const bidden = this.#bidden;
    this.#bidden = 0;
    if (bidden) return bidden * (1 + 0.2 * Math.random());
    return Math.min(this.#retry * 2 ** Math.min(this.#failures, 5), LONGEST_RETRY_MS) * (0.5 + 0.5 * Math.random());
  }

  async *#untilItBreaks() {
    const connection = new AbortController();
    const stop = () => connection.abort();
    this.#ends.signal.addEventListener("abort", stop, { once: true });
    const watch = () => (clearTimeout(this.#watchdog), (this.#watchdog = setTimeout(stop, SILENCE_MS)));
    const id = newId();
    try {
      watch();
      let token = await this.#transport.token();
      let response = await this.#open(token, id, connection.signal);
      if (response.status === 401 && this.#transport.forget(token)) {
        token = await this.#transport.token();
        response = await this.#open(token, id, connection.signal);
      }
      if (response.status !== 200) throw refused(response, await response.text(), id);
      this.#expires = false;
      yield* this.#events(response.body, watch);
      if (this.#expires) this.#transport.forget(token);
    } finally {
      clearTimeout(this.#watchdog);
      this.#ends.signal.removeEventListener("abort", stop);
      connection.abort();
    }
  }

  async #open(token, id, signal) {
    const headers = { ...this.#transport.identity(token, id), Accept: "text/event-stream" };
    if (this.cursor) headers["Last-Event-ID"] = this.cursor;
    try {
      return await this.#transport.fetch(this.#transport.url + this.#path, { headers, redirect: "manual", signal });
    } catch (cause) {
      throw unanswered(cause, id);
    }
  }

  /** The new events, without those that came already. */
  async *#events(body, watch) {
    for await (const fields of this.#frames(body, watch)) {
      const { event: type = "message", id = "", data } = fields;
      this.#failures = 0;
      if (type === "bye") this.#bidden = this.#retry;
      if (type === "auth-expiring") this.#expires = true;
      if (INSIDE.has(type)) {
        this.cursor = id || this.cursor;
      } else if (isAfter(id, this.cursor) || type === "resync") {
        this.cursor = id || this.cursor;
        yield { id, type, data: JSON.parse(data) };
      }
    }
  }

  /** Each frame's fields, parsed as the specification says. */
  async *#frames(body, watch) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => Promise.reject(unanswered(cause, "")));
      if (done) return;
      watch();
      const blocks = (rest + decoder.decode(value, { stream: true })).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop();
      for (const fields of blocks.map(fieldsOf)) {
        if (/^\d+$/.test(fields.retry ?? "")) this.#retry = Number(fields.retry);
        if (fields.data !== undefined) yield fields;
      }
    }
  }
}

function fieldsOf(block) {
  const fields = Object.create(null);
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
    fields[name] = name === "data" && name in fields ? `${fields[name]}\n${value}` : value;
  }
  return fields;
}

/** Whether one id comes after another: epoch, then number; an invalid one is before all others. */
function isAfter(id, other) {
  const [epoch, number] = numbers(id);
  const [otherEpoch, otherNumber] = numbers(other);
  return epoch > otherEpoch || (epoch === otherEpoch && number > otherNumber);
}

function numbers(id) {
  const found = /^(\d+)\.(\d+)$/.exec(id);
  return found ? [BigInt(found[1]), BigInt(found[2])] : [0n, 0n];
}
