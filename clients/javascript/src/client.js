/** The service as an object. */

import { Operations } from "./generated/operations.js";
import { Listening } from "./stream.js";
import { Transport, newId, refused } from "./transport.js";

const MOST_CHANGES = 500; // in one request
const PAGE = 200;

export class Onward extends Operations {
  #transport;

  constructor(url, options) {
    super();
    this.#transport = new Transport(url, options);
  }

  send(call, options) {
    return this.#transport.send(call, options);
  }

  /** Live events from now on, or after the cursor, endlessly: the operation `streamEvents`. */
  listen(options) {
    return new Listening(this.#transport, options);
  }

  /** Change an order's status; with `version`, only if it still has that one. */
  changeStatus(orderId, status, { version, key, signal, ...more } = {}) {
    const ifMatch = version === undefined ? undefined : `"${version}"`;
    return this.changeOrderStatus(orderId, { status, ...more }, { ifMatch, key, signal });
  }

  /** Make many changes, each independently; 500 are sent per request. */
  async changeMany(changes, { key = newId(), signal } = {}) {
    const results = [];
    for (let first = 0; first < changes.length; first += MOST_CHANGES) {
      const body = { changes: changes.slice(first, first + MOST_CHANGES) };
      const answer = await this.changeOrderStatuses(body, { key: `${key}-${first}`, signal });
      results.push(...answer.results.map(resultOf));
    }
    return results;
  }

  /** All your orders that match; the next page is fetched on demand. */
  async *orders({ status, ...filters } = {}) {
    const query = { limit: PAGE, ...filters, status: Array.isArray(status) ? status.join(",") || undefined : status };
    for await (const page of pages((cursor) => this.listOrders({ ...query, cursor }))) yield* page.orders;
  }

  /** The history of an order, oldest first. */
  async *history(orderId) {
    const read = (cursor) => this.getOrderHistory(orderId, { cursor, limit: PAGE });
    for await (const page of pages(read)) yield* page.events;
  }

  /** The events after a cursor, up to now; without one, from the oldest event that is stored. */
  async *events(after = "", { channels = [] } = {}) {
    const read = (cursor) => this.listEvents({ after: cursor ?? after, channels: channels.join(",") || undefined, limit: 500 });
    for await (const page of pages(read)) yield* page.events;
  }
}

async function* pages(read) {
  for (let cursor; ; ) {
    const page = await read(cursor);
    yield page;
    cursor = page.next_cursor;
    if (cursor === null || cursor === undefined || page.more === false) return;
  }
}

function resultOf({ order_id, status, order, problem }) {
  if (!problem) return { order_id, order, error: undefined };
  const response = { status, headers: new Headers() };
  return { order_id, order: undefined, error: refused(response, JSON.stringify(problem), problem.request_id) };
}
