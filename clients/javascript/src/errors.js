/**
 * Errors, reported by the service as problem details (RFC 9457), or by the network; grouped by their status.
 * Each known `code` has a class of its own, in generated/problems.js, which belongs to one of these groups.
 */

const KNOWN = new Set(["type", "title", "status", "detail", "code", "request_id"]);

/** The request was refused, or could not be made. */
export class OnwardError extends Error {
  constructor(status, problem = {}, http = undefined, options = undefined) {
    const requestId = problem.request_id || http?.requestId || "";
    super(`${status} ${problem.code ?? ""}: ${problem.detail ?? ""}${requestId && ` [${requestId}]`}`, options);
    this.name = new.target.name;
    this.status = status;
    this.code = problem.code ?? "";
    this.detail = problem.detail ?? "";
    this.http = http;
    this.requestId = requestId;
    this.retryAfter = http?.retryAfter ?? 0;
    this.members = Object.fromEntries(Object.entries(problem).filter(([name]) => !KNOWN.has(name)));
  }
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

const BY_STATUS = {
  304: NotModified, 401: Unauthorized, 403: Forbidden, 404: Missing, 408: Unavailable, 409: Conflict, 410: Expired,
  412: Stale, 429: Unavailable,
};

/** The group of an error with this status. */
export const groupOf = (status) => BY_STATUS[status] ?? (status >= 500 ? Unavailable : Invalid);
