import type { OnwardError } from "./errors.js";
import { Operations, type ListOrdersOptions } from "./generated/operations.js";
import type {
  ChangeOrderStatusRequest, HistoryEntry, LiveEvent, Order, OrderStatusChange,
} from "./generated/schemas.js";
import type { ListenOptions, Listening } from "./stream.js";
import type { Answer } from "./transport.js";

/** A token, or a function that returns a fresh one: it is called when one is first needed, and after a 401. */
export type Token = string | (() => string | Promise<string>);

export interface OnwardOptions {
  token?: Token;
  /** Seconds for one response; 10 if left out. */
  timeout?: number;
  /** Seconds for which an unanswered request is repeated; 30 if left out. */
  patience?: number;
  fetch?: typeof globalThis.fetch;
}

export type Change = OrderStatusChange;

/** The result of one of many changes: the order, or the error that a single change would have thrown. */
export type Result =
  | { order_id: number; order: Order; error: undefined }
  | { order_id: number; order: undefined; error: OnwardError };

export type OrderFilters = Omit<ListOrdersOptions, "status" | "cursor" | "ifNoneMatch"> & {
  status?: string | readonly string[];
};

/** A client of one Onward installation with one token. */
export class Onward extends Operations {
  constructor(url: string | URL, options?: OnwardOptions);
  /** Live events from now on, or after the cursor, endlessly: the operation `streamEvents`. */
  listen(options?: ListenOptions): Listening;
  /** Change an order's status; with `version`, only if it still has that one. */
  changeStatus(
    orderId: number,
    status: string,
    more?: Omit<ChangeOrderStatusRequest, "status"> & { version?: number; key?: string; signal?: AbortSignal },
  ): Promise<Answer<Order>>;
  /** Make many changes, each independently; 500 are sent per request. */
  changeMany(changes: readonly Change[], options?: { key?: string; signal?: AbortSignal }): Promise<Result[]>;
  /** All your orders that match; the next page is fetched on demand. */
  orders(filters?: OrderFilters): AsyncGenerator<Order, void, undefined>;
  /** The history of an order, oldest first. */
  history(orderId: number): AsyncGenerator<HistoryEntry, void, undefined>;
  /** The events after a cursor, up to now; without one, from the oldest event that is stored. */
  events(after?: string, options?: { channels?: readonly string[] }): AsyncGenerator<LiveEvent, void, undefined>;
}
