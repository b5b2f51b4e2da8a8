import type { StreamEvent } from "./generated/schemas.js";

export interface Event<T = StreamEvent> {
  /** The cursor to continue from. */
  readonly id: string;
  readonly type: string;
  readonly data: T;
}

export interface ListenOptions {
  /** Continue after this event; from now on if left out. */
  cursor?: string;
  channels?: readonly string[];
  signal?: AbortSignal;
}

/**
 * An endless asynchronous iterator of events. It reconnects after every interruption, and ends when it is closed or
 * the loop that reads it is left. Unauthorized, Forbidden and Invalid are thrown: retrying does not help.
 */
export class Listening implements AsyncIterable<Event> {
  private constructor();
  /** The id of the last event; continue from it with `listen` or `events`. */
  readonly cursor: string;
  readonly closed: boolean;
  /** Close it; an iteration in progress ends at once. */
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<Event>;
}
