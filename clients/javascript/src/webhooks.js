/** Verifies webhooks as Standard Webhooks signs them (standardwebhooks.com, version 1), and reads their events. */

const TOLERANCE_SECONDS = 300;
const HMAC = { name: "HMAC", hash: "SHA-256" };

/** The request is not what the service sent, or was sent too long ago: answer 400, and do nothing else. */
export class WebhookRefused extends Error {
  constructor(message) {
    super(message);
    this.name = "WebhookRefused";
  }
}

/** Verifies what is sent to one endpoint; of several secrets, any one counts (while it is rotated, there are two). */
export class Webhook {
  #secrets;
  #tolerance;

  constructor(secrets, { tolerance = TOLERANCE_SECONDS } = {}) {
    this.#secrets = (Array.isArray(secrets) ? secrets : [secrets]).map(keyOf);
    if (!this.#secrets.length) throw new TypeError("There is no secret.");
    this.#tolerance = tolerance;
  }

  /** The event in this body, which must be exactly as received. Its id stays the same if it comes again. */
  async verify(body, headers, { now = Date.now() / 1000 } = {}) {
    const [id, timestamp, signatures] = fieldsOf(headers);
    if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookRefused("webhook-timestamp is not a time.");
    if (Math.abs(now - Number(timestamp)) > this.#tolerance) {
      throw new WebhookRefused("The webhook was sent too long ago, or the clocks differ.");
    }
    const content = typeof body === "string" ? new TextEncoder().encode(body) : new Uint8Array(body);
    if (!(await this.#isSigned(joined(`${id}.${timestamp}.`, content), signatures))) {
      throw new WebhookRefused("No signature is right.");
    }
    const data = parsed(content);
    return { id, type: typeof data.type === "string" ? data.type : "", data };
  }

  /** Whether any signature is of any secret. All are compared, each in constant time, by the platform's own verify. */
  async #isSigned(signed, signatures) {
    const { subtle } = globalThis.crypto ?? (await import("node:crypto")).webcrypto; // Node 18 has it only there
    let right = false;
    for (const secret of this.#secrets) {
      const key = await subtle.importKey("raw", secret, HMAC, false, ["verify"]);
      for (const one of signatures.split(" ")) {
        const signature = one.startsWith("v1,") ? bytesOf(one.slice(3)) : null;
        if (signature && (await subtle.verify(HMAC, key, signature, signed))) right = true;
      }
    }
    return right;
  }
}

function keyOf(secret) {
  const key = bytesOf(String(secret).replace(/^whsec_/, ""));
  if (!key?.length) throw new TypeError("The secret is empty, or not base64.");
  return key;
}

/** Id, timestamp and signatures; from Headers, or from an object such as Node's `request.headers`. */
function fieldsOf(headers) {
  const given = new Map(
    [...(typeof headers.entries === "function" ? headers.entries() : Object.entries(headers))].map(
      ([name, value]) => [name.toLowerCase(), String(value)],
    ),
  );
  const found = ["id", "timestamp", "signature"].map((name) => given.get(`webhook-${name}`));
  if (!found.every(Boolean)) {
    throw new WebhookRefused("webhook-id, webhook-timestamp or webhook-signature is missing.");
  }
  return found;
}

function parsed(content) {
  let data = null;
  try {
    data = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch {
    // Refused below.
  }
  if (data === null || typeof data !== "object" || Array.isArray(data)) {
    throw new WebhookRefused("The body is not an event.");
  }
  return data;
}

function joined(text, content) {
  const head = new TextEncoder().encode(text);
  const all = new Uint8Array(head.length + content.length);
  all.set(head);
  all.set(content, head.length);
  return all;
}

/** The bytes of base64; null if it is none. */
function bytesOf(base64) {
  try {
    return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  } catch {
    return null;
  }
}
