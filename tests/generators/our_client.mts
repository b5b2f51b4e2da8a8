/** What a program does with our own client; that it compiles shows that the types are there and mean something. */
import {
  Conflict, IllegalTransition, Onward, OnwardError, Webhook,
  type Answer, type Event, type Result, type schemas,
} from "./client/index.js";

const onward = new Onward(process.env.URL!, { token: async () => process.env.TOKEN!, timeout: 5, patience: 10 });
const id = Number(process.env.ORDER);

const order: Answer<schemas.Order> = await onward.changeStatus(id, "CONFIRMED", { version: 1, notify: true });
const listed: number[] = [];
for await (const one of onward.orders({ status: ["CONFIRMED"], late: false, placed_from: new Date(0) })) listed.push(one.id);
const history: string[] = [];
for await (const one of onward.history(id)) if (one.to_status) history.push(one.to_status);
let refused: unknown[] = [];
try {
  await onward.changeOrderStatus(id, { status: "DELIVERED" }, { ifMatch: order.http.etag, key: "a-key" });
} catch (error) {
  const problem: Conflict | false = error instanceof IllegalTransition && error;
  if (problem) refused = [problem.status, problem.code, problem.members.current.version];
}
const results: Result[] = await onward.changeMany([{ order_id: id, status: "REFUNDED" }]);
const failed: OnwardError | undefined = results[0]?.error;
const event: Event | undefined = undefined as Event | undefined;
if (event?.data.type === "order.status_changed") console.error(event.data.order.version);
new Webhook(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]).verify("", {}).catch(() => {});

// @ts-expect-error an order has no such member
order.colour;
// @ts-expect-error a status is needed
() => onward.changeOrderStatus(id, {});
// @ts-expect-error there is no such operation
() => onward.dropOrders();
// @ts-expect-error nor such a parameter
() => onward.listOrders({ colour: "red" });

console.log(JSON.stringify({ listed, changed: [order.status, order.version], history, refused, allowed: failed?.code }));
