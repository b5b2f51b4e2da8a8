/* Which one of a browser's tabs leads: by a lock of the browser, or by a lease in its storage where it has no locks. */

const TIMES = { renew: 2_000, lease: 6_000, shy: 500, sure: 50 };

/** `gained` and `lost` are called when this tab begins to lead, and when another has begun. */
export function candidate(names, gained, lost, times = {}) {
  // Without a secure context, as on a plain HTTP address in the local network, there are no locks.
  return navigator.locks && names.length === 1 ? new Lock(names[0], gained, lost) : new Lease(names, gained, lost, times);
}

class Lock {
  constructor(name, gained, lost) {
    Object.assign(this, { name, gained, lost, leads: false, request: null });
  }

  /** Lead as soon as no other tab does; `steal`: at once. */
  wait(steal = false) {
    this.quit();
    const request = (this.request = new AbortController());
    const held = navigator.locks.request(this.name, steal ? { steal } : { signal: request.signal }, () => this.hold(request));
    held.catch(() => this.stolen(request));
  }

  hold(request) {
    if (request !== this.request) return null;
    this.leads = true;
    this.gained();
    return new Promise((release) => (this.release = release));
  }

  stolen(request) {
    if (request !== this.request) return;
    this.leads = false;
    this.lost();
    this.wait();
  }

  /** Neither lead nor wait. */
  quit() {
    const { request, release } = this;
    Object.assign(this, { request: null, release: null, leads: false });
    request?.abort();
    release?.();
  }
}

class Lease {
  constructor(names, gained, lost, times) {
    Object.assign(this, { names, gained, lost, times: { ...TIMES, ...times }, leads: false, name: null });
    this.id = `${Math.random()}`;
  }

  /** Hold the first of the names that nobody holds, or this tab holds already; `steal`: the first. */
  wait(steal = false) {
    this.quit();
    this.ends = new AbortController();
    // A leader that quits leaves its lease: not all the others at once are to find that.
    const look = () => setTimeout(() => this.look(), Math.random() * this.times.shy);
    addEventListener("storage", (event) => this.names.includes(event.key) && !event.newValue && look(), { signal: this.ends.signal });
    this.timer = setInterval(() => this.look(), this.times.renew);
    if (steal) this.take(this.names[0]);
    else this.look();
  }

  look() {
    if (this.ends.signal.aborted) return;
    const open = (name) => (read(name)?.expires ?? 0) < Date.now();
    if (this.leads && read(this.name)?.id !== this.id) {
      this.leads = false;
      this.lost();
    } else if (this.leads) this.take(this.name);
    else if (this.names.some(open)) this.take(this.names.find(open));
  }

  take(name) {
    localStorage.setItem(name, JSON.stringify({ id: this.id, expires: Date.now() + this.times.lease }));
    if (!this.leads) setTimeout((ends) => this.confirm(name, ends), this.times.sure, this.ends);
  }

  /** Another tab may have taken it in the same moment: the last one has it. */
  confirm(name, ends) {
    if (this.leads || ends.signal.aborted || read(name)?.id !== this.id) return;
    Object.assign(this, { name, leads: true });
    this.gained();
  }

  quit() {
    clearInterval(this.timer);
    this.ends?.abort();
    if (this.leads && read(this.name)?.id === this.id) localStorage.removeItem(this.name);
    this.leads = false;
  }
}

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

/** Whether the browser lets its pages store anything. */
export function stores() {
  try {
    localStorage.setItem("onward", "");
    localStorage.removeItem("onward");
    return true;
  } catch {
    return false;
  }
}
