import type { StreamEvent } from "./generated/schemas.js";

export interface WebhookEvent {
  /** Stays the same if the event comes again. */
  readonly id: string;
  readonly type: string;
  readonly data: StreamEvent;
}
/** The request is not what the service sent, or was sent too long ago: answer 400, and do nothing else. */
export class WebhookRefused extends Error {}
/**
 * Verifies what is sent to one endpoint; of several secrets, any one counts (while it is rotated, there are two).
 * Throws a TypeError for a secret that is none.
 */
export class Webhook {
  constructor(secrets: string | readonly string[], options?: { /** Seconds; 300 if left out. */ tolerance?: number });
  /** The event in this body, which must be exactly as received. Rejects with WebhookRefused. */
  verify(
    body: string | ArrayBuffer | Uint8Array,
    headers: Headers | Record<string, string | readonly string[] | undefined>,
    options?: { /** The time in seconds, for tests. */ now?: number },
  ): Promise<WebhookEvent>;
}
