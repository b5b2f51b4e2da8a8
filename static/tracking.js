/* The page of a tracking link: its own stream says that the order has changed, and its parts are fetched. */

import * as act from "./act.js";
import * as clock from "./clock.js";
import * as drafts from "./drafts.js";
import { LinkLive } from "./link-live.js";
import { page } from "./page.js";
import * as parts from "./parts.js";
import { show } from "./pill.js";

/** False if the link is no longer valid: the page is loaded again, and says so. */
async function refresh() {
  if (!(await parts.fetchAll(parts.named({ all: true })))) throw new Error("no answer");
}

if (page.path !== location.pathname + location.search) history.replaceState(null, "", page.path + location.hash); // the URL of a refused form is no page
clock.start(page.boot.time_zone);
drafts.start();
parts.start();
act.start();
new LinkLive({ link: location.origin + page.path, cursor: page.cursor, onChange: refresh, onState: show });
