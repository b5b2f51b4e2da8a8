/** A client for Onward: every operation of its contract, idempotent changes, pages, and live events without gaps. */
export { Onward, type Change, type OnwardOptions, type OrderFilters, type Result, type Token } from "./client.js";
export * from "./errors.js";
export * from "./generated/problems.js";
export type * from "./generated/operations.js";
export type * as schemas from "./generated/schemas.js";
export { Listening, type Event, type ListenOptions } from "./stream.js";
export type { Answer, Http, Keyed, Raw, Sent } from "./transport.js";
export { VERSION } from "./version.js";
export { Webhook, WebhookRefused, type WebhookEvent } from "./webhooks.js";
