import type { Http } from "./transport.js";

/** The request was refused, or could not be made. */
export class OnwardError extends Error {
  constructor(status: number, problem?: Record<string, unknown>, http?: Http, options?: ErrorOptions);
  /** The HTTP status; 0 if there was no response. */
  readonly status: number;
  /** Stable, for programs. */
  readonly code: string;
  /** A sentence, for people. */
  readonly detail: string;
  /** Find the request in the service's logs by it, even if there was no response. */
  readonly requestId: string;
  /** Seconds after which the service asked to try again. */
  readonly retryAfter: number;
  readonly http: Http | undefined;
  /** Further members: `current`, `allowed_transitions`, `errors` … */
  readonly members: Record<string, any>;
}
/** The request cannot be parsed, or something in it is invalid. */
export class Invalid extends OnwardError {}
/** The token is not valid, or no longer. */
export class Unauthorized extends OnwardError {}
/** The token's principal may not do this. */
export class Forbidden extends OnwardError {}
/** The resource does not exist, or is not visible to you. */
export class Missing extends OnwardError {}
/** The request does not fit the state of the resource. */
export class Conflict extends OnwardError {}
/** The resource has changed since the given version. */
export class Stale extends OnwardError {}
/** What was asked for is no longer available; after `cursor_expired`, continue from `members.head`. */
export class Expired extends OnwardError {}
/** The service did not respond, or was too busy, for as long as `patience` lasted. */
export class Unavailable extends OnwardError {}
/** The representation is still the one named by `ifNoneMatch`. */
export class NotModified extends OnwardError {}
/** The group of an error with this status. */
export function groupOf(status: number): typeof OnwardError;
