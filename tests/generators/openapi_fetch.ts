// What a TypeScript program does with the types of openapi-typescript, by openapi-fetch.
import createClient from "openapi-fetch";
import type { paths } from "./schema";
import { README } from "./readme";

const order = { path: { order_id: Number(process.env.ORDER) } };
const client = createClient<paths>({
  baseUrl: process.env.URL,
  headers: { Authorization: `Bearer ${process.env.TOKEN}` },
});

async function main() {
  const page = await client.GET("/api/orders", { params: { query: { status: "PENDING", limit: 1 } } });
  const changed = await client.PATCH("/api/orders/{order_id}/status", { params: order, body: README });
  const history = await client.GET("/api/orders/{order_id}/history", { params: order });
  const refused = await client.PATCH("/api/orders/{order_id}/status", { params: order, body: { status: "DELIVERED" } });
  console.log(
    JSON.stringify({
      listed: page.data?.orders.map((one) => one.id),
      changed: [changed.data?.status, changed.data?.version],
      history: history.data?.events.map((one) => one.to_status),
      refused: [refused.response.status, refused.error?.code, refused.error?.current?.version],
      allowed: refused.error?.allowed_transitions,
    }),
  );
}

void main();
