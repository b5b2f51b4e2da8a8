/* What one tab has received: each stored event once, whoever brings it; kept for tabs that join later, held while paused. */

import { isAfter, STORED } from "./onward-live.js";

const KEPT = 200;
const HELD = 500;

export class TabEvents {
  /** `show(type, data, id)` gets each event. */
  constructor(cursor, show) {
    // Everything after `since` is kept; `held` is null unless paused.
    Object.assign(this, { cursor, show, since: cursor, kept: [], held: null, overflow: false, head: "", replayed: 0 });
  }

  take(type, data, id) {
    this.at = new Date();
    if (type === "hello") Object.assign(this, { head: data.head, replayed: 0 });
    const fresh = type === "resync" || isAfter(id, this.cursor);
    if (STORED.includes(type)) {
      if (!fresh) return;
      if (this.head && !isAfter(id, this.head)) this.replayed += 1; // it happened before the stream was opened
      this.kept.push([type, data, id]);
      if (this.kept.length > KEPT) this.since = this.kept.shift()[2];
    }
    if (type === "resync") Object.assign(this, { kept: [], since: id || this.since });
    if (id && fresh) this.cursor = id;
    this.hold(type, data, id);
  }

  /** What came after a cursor; null if that is no longer known. */
  after(cursor) {
    const known = cursor.split(".")[0] === this.since.split(".")[0] && !isAfter(this.since, cursor);
    return known ? this.kept.filter(([, , id]) => isAfter(id, cursor)) : null;
  }

  hold(type, data, id) {
    if (!this.held || type === "hello" || type === "heartbeat") return this.show(type, data, id);
    if (this.held.length < HELD) this.held.push([type, data, id]);
    else this.overflow = true;
  }

  get paused() {
    return Boolean(this.held);
  }

  get waiting() {
    return this.held?.length ?? 0;
  }

  pause() {
    this.held ??= [];
  }

  /** Show what has come meanwhile; more than are held are a reason to reload. */
  resume() {
    const { held, overflow } = this;
    Object.assign(this, { held: null, overflow: false });
    if (overflow) this.show("resync", { type: "resync", reason: "too far behind" }, this.cursor);
    else for (const one of held ?? []) this.show(...one);
  }
}
