/*
 * The status of one order, live, in any page:
 *
 *   <script type="module" src="https://orders.example/static/onward-status.js"></script>
 *   <onward-status link="https://orders.example/t/WzEs…"></onward-status>
 *
 * `link` is a tracking link; instead of it, `ticket` is what stands behind its `/t/`. `lang` is the language to use, if
 * not that of the browser. The origin of the page must be among CORS_ORIGINS. The element has CSS variables and parts
 * (docs/tracking.md), and fires `onward-change` with `detail.status` and `detail.version`.
 */

import { LinkLive } from "./link-live.js";

const HOME = new URL("..", import.meta.url);
const TONES = {
  neutral: ["#5B6672", "#9AA5B1"],
  blue: ["#1F5FD6", "#6EA4FF"],
  violet: ["#6B44D0", "#A78BFA"],
  teal: ["#0B7A87", "#3EC1D0"],
  green: ["#1A7F3C", "#4CC370"],
  amber: ["#A86200", "#E5A33B"],
  pink: ["#C2266A", "#F07BAA"],
  red: ["#CB2A1D", "#FF7B6E"],
};

const sheet = new CSSStyleSheet();
sheet.replaceSync(`
  :host { display: block; max-inline-size: 32rem; font: var(--onward-font, 1rem/1.5 system-ui, sans-serif);
    color: var(--onward-text, light-dark(#16191D, #E8EBEE)); container-type: inline-size; }
  :host([hidden]) { display: none; }
  [part~=order] { padding: var(--onward-space, 1rem); border: 1px solid var(--onward-border, light-dark(#D5DAE0, #2B323A));
    border-radius: var(--onward-radius, 10px); background: var(--onward-background, light-dark(#FFFFFF, #171B20)); }
  p, ol, ul { margin: 0 0 .5rem; padding: 0; }
  ol, ul { list-style: none; }
  [part~=number], [part~=time], [part~=offline], [part~=later] { color: var(--onward-muted, light-dark(#56606B, #A3ADB8)); font-size: .875em; }
  [part~=status] { font-size: 1.375em; font-weight: 650; line-height: 1.25; display: flex; gap: .5rem; align-items: baseline; overflow-wrap: anywhere; }
  [part~=status]::before { content: ""; flex: none; inline-size: .65em; block-size: .65em; border-radius: 50%; background: var(--tone); }
  [part~=expected] { font-weight: 600; }
  [part~=step] { display: grid; grid-template-columns: 1.25rem 1fr auto; gap: .25rem .5rem; padding-block: .125rem; }
  [part~=step]::before { content: "○" / ""; color: var(--onward-muted, light-dark(#56606B, #A3ADB8)); }
  [part~=done]::before { content: "✓" / ""; color: var(--tone); }
  [part~=now]::before { content: "●" / ""; color: var(--tone); }
  [part~=now] { font-weight: 600; }
  [part~=code] { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
  a { color: var(--onward-accent, light-dark(#1F5FD6, #7FB0FF)); display: inline-block; padding-block: .625rem; }
  :focus-visible { outline: 2px solid var(--onward-accent, light-dark(#0B57D0, #9CC2FF)); outline-offset: 2px; }
  .unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  @container (max-width: 20rem) { [part~=step] { grid-template-columns: 1.25rem 1fr; } [part~=time] { grid-column: 2; } }
  ${Object.entries(TONES).map(([tone, [light, dark]]) => `[data-tone=${tone}] { --tone: light-dark(${light}, ${dark}); }`).join("\n")}
`);

class OnwardStatus extends HTMLElement {
  static observedAttributes = ["link", "ticket", "lang"];
  #place = document.createElement("div");
  #say = document.createElement("div");
  #live = null;
  #reading = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    this.#say.setAttribute("role", "status");
    this.#say.className = "unseen";
    root.append(this.#place, this.#say);
  }

  connectedCallback() {
    this.#start();
  }

  disconnectedCallback() {
    this.#live?.close();
    this.#live = null;
  }

  attributeChangedCallback(_name, before, after) {
    if (this.isConnected && before !== after) this.#start();
  }

  get #link() {
    const ticket = this.getAttribute("ticket");
    return this.getAttribute("link") ?? (ticket && new URL(`t/${ticket}`, HOME).href);
  }

  async #start() {
    this.disconnectedCallback();
    this.#place.replaceChildren();
    const link = this.#link;
    if (!link) return;
    const first = await this.#read(link).catch(() => null);
    if (first === false) this.#connection("gone");
    if (first === false || !this.isConnected || link !== this.#link || this.#live) return;
    this.#live = new LinkLive({
      link,
      cursor: this.#order?.dataset.cursor,
      onChange: () => this.#read(link),
      onState: (state) => this.#connection(state),
    });
  }

  get #order() {
    return this.#place.firstElementChild;
  }

  /** Read the order and show it; false if the link is no longer valid. */
  async #read(link) {
    const mine = ++this.#reading;
    const address = new URL(`${link}/status`);
    address.searchParams.set("zone", Intl.DateTimeFormat().resolvedOptions().timeZone);
    const headers = { Accept: "text/html", ...(this.lang && { "Accept-Language": this.lang }) };
    const answer = await fetch(address, { headers, credentials: "omit", cache: "no-store", referrerPolicy: "no-referrer" });
    if (!answer.ok && answer.status !== 404) throw new Error(`${address.origin} answered ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (mine === this.#reading) this.#show(document.adoptNode(page.body.firstElementChild));
    return answer.ok;
  }

  #show(fresh) {
    const [shown, focused] = [this.#order, this.shadowRoot.activeElement?.dataset.key];
    const words = (one) => one?.querySelector("[part~=status]")?.textContent.trim();
    this.#place.replaceChildren(fresh);
    if (focused) this.#place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    const { status, version } = fresh.dataset;
    if (shown && words(shown) !== words(fresh)) this.#say.textContent = words(fresh);
    if (shown?.dataset.version === version) return;
    this.dispatchEvent(new CustomEvent("onward-change", { bubbles: true, detail: { status, version: Number(version) } }));
  }

  #connection(state) {
    this.dataset.state = state;
    const note = this.#place.querySelector("[part~=offline]");
    if (note) note.hidden = state !== "offline";
  }
}

customElements.get("onward-status") ?? customElements.define("onward-status", OnwardStatus);
