// What a TypeScript program does with the client of hey-api, and what that sends.
import { client } from "./client/client.gen";
import { changeOrderStatus, getOrderHistory, listOrders, streamEvents } from "./client/sdk.gen";
import { README } from "./readme";

const sent: string[] = [];
const path = { order_id: Number(process.env.ORDER) };
client.setConfig({
  auth: () => process.env.TOKEN,
  baseUrl: process.env.URL,
  fetch: async (input, init) => {
    const request = new Request(input, init);
    sent.push(request.url, request.headers.get("Cookie") ?? "");
    return fetch(request);
  },
});

async function firstChange(): Promise<[string, number]> {
  const stopping = new AbortController();
  const { stream } = await streamEvents({ signal: stopping.signal, query: { last_event_id: process.env.CURSOR } });
  for await (const event of stream) {
    if (event.type === "order.status_changed") {
      stopping.abort();
      return [event.order.status, event.event.version];
    }
  }
  throw new Error("the stream has ended");
}

async function main() {
  const page = await listOrders({ query: { status: "PENDING", limit: 1 } });
  const changed = await changeOrderStatus({ path, body: README });
  const history = await getOrderHistory({ path });
  const refused = await changeOrderStatus({ path, body: { status: "DELIVERED" } });
  console.log(
    JSON.stringify({
      listed: page.data?.orders.map((one) => one.id),
      changed: [changed.data?.status, changed.data?.version],
      history: history.data?.events.map((one) => one.to_status),
      refused: [refused.response?.status, refused.error?.code, refused.error?.current?.version],
      allowed: refused.error?.allowed_transitions,
      streamed: await firstChange(),
      sent,
    }),
  );
}

void main();
