/** Makes the calls that it is given as JSON with the JavaScript client, and prints what came of each. */
const [home, calls] = process.argv.slice(2);
const { Onward, OnwardError } = await import(home);

async function outcome({ url, operation, args, options, timeout, patience }) {
  let tokens = 0;
  const onward = new Onward(url, { token: () => `token-${++tokens}`, timeout, patience });
  try {
    const result = await onward[operation](...args, options);
    return { raw: "raw" in result ? result.raw || null : result, request_id: result.http.requestId, etag: result.http.etag };
  } catch (error) {
    if (error instanceof TypeError) return { error: "refused here" };
    if (!(error instanceof OnwardError)) throw error;
    const groups = [];
    for (let one = error; one.constructor !== Error; one = Object.getPrototypeOf(one)) {
      if (Object.hasOwn(one, "constructor")) groups.push(one.constructor.name);
    }
    const { status, code, requestId, retryAfter, members } = error;
    return { error: groups[0], group: groups[1], status, code, request_id: requestId, retry_after: retryAfter, members };
  }
}

async function received({ url, listen }) {
  let tokens = 0;
  const onward = new Onward(url, { token: () => `token-${++tokens}` });
  const events = [];
  const stream = onward.listen({ channels: ["seller:1"] });
  for await (const { id, type, data } of stream) {
    events.push([id, type, data.n]);
    if (events.length === listen) break;
  }
  return { events, cursor: stream.cursor, closed: stream.closed };
}

const done = JSON.parse(calls).map((one) => (one.listen ? received(one) : outcome(one)));
console.log(JSON.stringify(await Promise.all(done)));
