/** Requests over fetch, repeated until they are answered, each change with one key so that it is applied once. */

import { OnwardError, Unauthorized, groupOf } from "./errors.js";
import { BY_CODE } from "./generated/problems.js";
import { VERSION } from "./version.js";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const PASSING = new Set([0, 408, 429, 502, 503, 504]); // no response, or one that may be another one in a moment
const STILL_RUNNING = "idempotency_in_progress"; // the request with this key is in progress
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]); // Node's codes
const JSON_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i;
const IN_BROWSER = typeof document !== "undefined" || typeof importScripts === "function";

/** The response that a result or an error came in. */
export class Http {
  constructor(status, headers, sentRequestId) {
    this.status = status;
    this.headers = headers;
    this.requestId = headers.get("x-request-id") ?? sentRequestId;
    this.etag = headers.get("etag") ?? "";
    this.retryAfter = seconds(headers.get("retry-after") ?? "");
  }
}

export class Transport {
  #token = "";
  #fresh = null;
  #asking = null;

  constructor(url, { token = "", timeout = 10, patience = 30, fetch = globalThis.fetch } = {}) {
    this.url = String(url).replace(/\/+$/, "");
    this.timeout = timeout;
    this.patience = patience;
    this.fetch = fetch.bind(globalThis);
    if (typeof token === "function") this.#fresh = token;
    else this.#token = token;
  }

  /** The token; a function is called when one is first needed, and again when it was refused. */
  async token() {
    if (this.#token || !this.#fresh) return this.#token;
    this.#asking ??= Promise.resolve(this.#fresh()).finally(() => (this.#asking = null));
    return (this.#token = await this.#asking);
  }

  /** Whether another token can be had instead of this one, which another request may have replaced already. */
  forget(refused) {
    if (this.#fresh && this.#token === refused) this.#token = "";
    return this.#fresh !== null;
  }

  /** The headers by which a request says who asks, with what, and under which id. */
  identity(token, requestId) {
    const agent = IN_BROWSER ? {} : { "User-Agent": `onward-client-javascript/${VERSION}` }; // theirs is the browser's
    return { ...agent, "X-Request-ID": requestId, ...(token && { Authorization: `Bearer ${token}` }) };
  }

  /**
   * The result of a call; changes are applied once, however often they have to be sent.
   *
   * What has an Idempotency-Key is repeated whatever happened to it, and so are reads, PUT and DELETE. A POST without
   * one is repeated only if it was certainly not applied; likewise what has If-Match but no key, which would find the
   * version that it made itself.
   */
  async send(call, options = {}) {
    const request = requestOf(call, options);
    const repeatable = call.keyed || (call.method !== "POST" && !("If-Match" in request.headers));
    const ends = Date.now() + 1000 * this.patience;
    let renewed = false;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const token = await this.token();
      try {
        return await this.once(request, token, options.signal);
      } catch (error) {
        if (!(error instanceof OnwardError)) throw error;
        if (error instanceof Unauthorized && !renewed && this.forget(token)) {
          renewed = true;
          continue;
        }
        const safe = repeatable || error.status === 429 || NEVER_SENT.has(error.cause?.cause?.code);
        if (error.code !== STILL_RUNNING && !(PASSING.has(error.status) && safe)) throw error;
        const wait = Math.max(pause * (0.5 + Math.random()), 1000 * error.retryAfter);
        if (Date.now() + wait > ends) throw error;
        await sleep(wait, options.signal);
      }
    }
  }

  async once({ method, path, headers, body, requestId, raw }, token, signal) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new Error(`no response within ${this.timeout} s`)), 1000 * this.timeout);
    const stop = () => limit.abort(signal.reason);
    signal?.throwIfAborted();
    signal?.addEventListener("abort", stop, { once: true });
    let response, text;
    try {
      const all = { ...this.identity(token, requestId), ...headers };
      response = await this.fetch(this.url + path, { method, headers: all, body, redirect: "manual", signal: limit.signal });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      throw unanswered(cause, requestId);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
    return resultOf(response, text, requestId, raw);
  }
}

/** The error of a response, which may come from a proxy. */
export function refused(response, text, requestId) {
  const http = new Http(response.status, response.headers, requestId);
  const problem = parsed(text);
  if (problem === null || typeof problem !== "object") return notUnderstood(http);
  const kind = (Object.hasOwn(BY_CODE, problem.code) && BY_CODE[problem.code]) || groupOf(http.status);
  return new kind(http.status, problem, http);
}

/** The error of a request that has no response. */
export function unanswered(cause, requestId) {
  const detail = [cause?.message, cause?.cause?.message].filter(Boolean).join(": ");
  const http = new Http(0, new Headers(), requestId);
  return new (groupOf(503))(0, { code: "no_answer", detail }, http, { cause });
}

/**
 * A path, with each parameter as one segment of it, whatever it contains.
 *
 * Throws a TypeError for what no segment can be: nothing, and the dots that fetch resolves.
 */
export function path(pieces, ...parameters) {
  const segments = parameters.map(String);
  for (const one of segments) {
    if (["", ".", ".."].includes(one)) throw new TypeError(`${JSON.stringify(one)} cannot be part of a path`);
  }
  return String.raw({ raw: pieces }, ...segments.map(encodeURIComponent));
}

/** An id that is unique, and no secret: 32 digits, as a trace has. Node 18, and pages without TLS, have no randomUUID. */
export const newId = () =>
  globalThis.crypto?.randomUUID?.().replaceAll("-", "") ??
  Array.from({ length: 32 }, () => Math.floor(16 * Math.random()).toString(16)).join("");

/** Waits; throws the signal's reason as soon as it is aborted. */
export const sleep = (milliseconds, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => (clearTimeout(timer), reject(signal.reason));
    const timer = setTimeout(() => (signal?.removeEventListener("abort", stop), resolve()), milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });

/** What is sent in each attempt, but for the token. Throws a TypeError for an option that the operation has not. */
function requestOf(call, options) {
  const { query = [], headers: names = {}, keyed = false } = call;
  const known = new Set([...query, ...Object.keys(names), ...(keyed ? ["key"] : []), "signal"]);
  for (const name of Object.keys(options)) {
    if (!known.has(name)) throw new TypeError(`${call.method} ${call.path} has no option ${name}`);
  }
  const given = query.filter((name) => options[name] !== undefined && options[name] !== null);
  const pairs = given.flatMap((name) => [options[name]].flat().map((value) => [name, textOf(value)]));
  const headers = { Accept: "application/json, */*;q=0.5" };
  for (const [name, header] of Object.entries(names)) if (options[name]) headers[header] = options[name];
  if (call.body !== undefined) headers["Content-Type"] = call.media ?? "application/json";
  if (keyed) headers["Idempotency-Key"] = options.key ?? newId();
  const body = call.body === undefined || call.media ? call.body : JSON.stringify(call.body);
  const path = call.path + (pairs.length ? `?${new URLSearchParams(pairs)}` : "");
  return { method: call.method, path, headers, body, requestId: newId(), raw: call.raw };
}

/** What the response contains, with the response itself in `http`, which is not enumerable; throws the error it is. */
function resultOf(response, text, requestId, raw) {
  if (!response.ok) throw refused(response, text, requestId);
  const http = new Http(response.status, response.headers, requestId);
  const result = raw ? { raw: text } : JSON_TYPE.test(response.headers.get("content-type") ?? "") && parsed(text);
  if (!result || typeof result !== "object") throw notUnderstood(http);
  return Object.defineProperty(result, "http", { value: http });
}

function notUnderstood(http) {
  const problem = { code: "not_understood", detail: "The response is not the service's." };
  return new (groupOf(http.status < 300 ? 502 : http.status))(http.status, problem, http);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const textOf = (value) => (value instanceof Date ? value.toISOString() : String(value));

/** The seconds of Retry-After, given as such or as a date; 0 without one. */
function seconds(text) {
  if (/^\d+$/.test(text)) return Number(text);
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? 0 : Math.max(0, (moment - Date.now()) / 1000);
}
