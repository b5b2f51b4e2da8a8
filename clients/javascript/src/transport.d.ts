/** The response that a result or an error came in. */
export interface Http {
  readonly status: number;
  readonly headers: Headers;
  /** The request's id in the service's logs. */
  readonly requestId: string;
  /** Send it as `ifMatch` or `ifNoneMatch`. */
  readonly etag: string;
  /** The seconds of Retry-After; 0 without it. */
  readonly retryAfter: number;
}
/** A result, with the response that it came in (which is not enumerable). */
export type Answer<T> = T & { readonly http: Http };
/** The text of a response that is not JSON; empty if it has none. */
export interface Raw {
  readonly raw: string;
}
/** What every operation takes. */
export interface Sent {
  /** Aborts the request, and its repetitions. */
  signal?: AbortSignal;
}
/** What every operation takes that has an Idempotency-Key. */
export interface Keyed extends Sent {
  /** Makes the request safe to repeat, also by another process; one is made if it is left out. */
  key?: string;
}
/** One request. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly query?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly media?: string;
  readonly keyed?: boolean;
  readonly raw?: boolean;
}
