/* What only those have who work on many orders: filters, ticked orders, and an order beside its list. */

import * as bulk from "./bulk.js";
import * as list from "./list.js";
import * as panel from "./panel.js";

list.start();
bulk.start();
panel.start();
