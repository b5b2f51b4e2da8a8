/** A client for Onward: every operation of its contract, idempotent changes, pages, and live events without gaps. */
export { Onward } from "./client.js";
export * from "./errors.js";
export * from "./generated/problems.js";
export { Listening } from "./stream.js";
export { VERSION } from "./version.js";
export { Webhook, WebhookRefused } from "./webhooks.js";
