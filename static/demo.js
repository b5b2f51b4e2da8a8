/* The demo's page: no event says that an e-mail went out, or that a circuit has opened, so that is asked for. */

import { outdate } from "./parts.js";

const LOOK_MS = 2_000;

setInterval(() => document.hidden || outdate({ kind: "demo" }), LOOK_MS);
