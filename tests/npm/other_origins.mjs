// Pages of other origins in Chromium, with the clients that they use: node other_origins.mjs CHROMIUM SERVERS PORT
//
// SERVERS is JSON: the url of `open`, and of `listing`, a protected server that allows pages of http://app.example:PORT,
// with the key that opens it. At PORT any path is a page, but for /clients.js: clients_of_pages.js, bundled.
//
// Prints one JSON object: what each scenario, by its name, found wrong, or null.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [executablePath, given, port] = process.argv.slice(2);
const { open, listing } = JSON.parse(given);
const [LOCAL, NUMBER, APP, STRANGER] = ["localhost", "127.0.0.1", "app.example", "stranger.example"];
const scenarios = {};
const scenario = (name, host, run, server = open) => (scenarios[name] = { host, run, server });

const WHO = "query Who { viewer { capabilities } }";
const ANSWER = { viewer: { capabilities: ["admin"] } };
const COUNT = "{ actors { totalCount } }";
const REGISTER = `mutation Register($name: String!) {
  registerActor(input: { actorType: AI, displayName: $name }) { actor { displayName } errors { code } }
}`;
const registered = (name) => ({ registerActor: { actor: { displayName: name }, errors: [] } });
const fetched = (page, server, init, query = "") => page.evaluate(({ url, init }) => clients.fetched(url, init), {
  url: server.url + query,
  init,
});
const sent = (document, headers = {}) => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ query: document }),
});
const asks = (client, document, variables) => (page, server) =>
  page.evaluate(([client, url, key, document, variables]) => clients[client](url, key, document, variables), [
    client,
    server.url,
    server.key,
    document,
    variables,
  ]);

for (const [host, server] of [
  [LOCAL, open],
  [NUMBER, open],
  [APP, listing],
]) {
  for (const client of ["urql", "urqlByGet", "apollo", "sse", "socket"]) {
    scenario(`${client} asks from ${host}`, host, async (page, server) => {
      assert.deepEqual(await asks(client, WHO)(page, server), ANSWER);
    }, server);
  }
  for (const client of ["urql", "apollo"]) {
    scenario(`${client} writes from ${host}`, host, async (page, server) => {
      const name = `${client} at ${host}`;
      assert.deepEqual(await asks(client, REGISTER, { name })(page, server), registered(name));
    }, server);
  }
}
for (const client of ["urql", "urqlByGet", "apollo", "sse", "socket"]) {
  for (const [host, server] of [
    [STRANGER, open],
    [APP, open],
    [LOCAL, listing],
    [STRANGER, listing],
  ]) {
    const name = `${client} asks in vain from ${host} of the ${server === open ? "open" : "listing"} server`;
    scenario(name, host, async (page, server) => {
      await assert.rejects(asks(client, WHO)(page, server));
    }, server);
  }
}

scenario("a page may send and read the headers of the API", LOCAL, async (page) => {
  const headers = {
    authorization: "Bearer none",
    "idempotency-key": "1",
    "if-none-match": '"none"',
    "last-event-id": "1",
    prefer: "server-timing",
    traceparent: `00-${"1".repeat(32)}-${"1".repeat(16)}-01`,
    tracestate: "a=b",
  };
  const answer = await fetched(page, open, sent(WHO, headers));
  assert.equal(answer.status, 200);
  assert.match(answer.headers["x-request-id"], /^[0-9a-f]{32}$/);
  assert.match(answer.headers["server-timing"], /total;dur=/);
  assert.equal(answer.headers["preference-applied"], "server-timing");
});

scenario("a page may not send others", LOCAL, async (page) => {
  await assert.rejects(fetched(page, open, sent(WHO, { "x-unknown": "1" })));
});

scenario("an unchanged answer is read as that", LOCAL, async (page) => {
  const query = `?query=${encodeURIComponent(COUNT)}`;
  const first = await fetched(page, open, { cache: "no-store" }, query);
  const known = { cache: "no-store", headers: { "if-none-match": first.headers.etag } };
  const again = await fetched(page, open, known, query);
  assert.deepEqual([first.status, again.status], [200, 304]);
});

scenario("a browser keeps and revalidates an answer for each origin", LOCAL, async (page) => {
  const query = `?query=${encodeURIComponent(COUNT)}&variables={}`;
  const statuses = [];
  page.on("response", (response) => response.url().includes("variables") && statuses.push(response.status()));
  const first = await fetched(page, open, {}, query);
  const again = await fetched(page, open, {}, query);
  assert.equal(again.body, first.body);
  await page.goto(`http://${NUMBER}:${port}/`);
  const other = await fetched(page, open, {}, query);
  assert.equal(other.body, first.body);
});

scenario("a page reads why it is refused", LOCAL, async (page) => {
  const codes = {};
  for (const [name, init, query] of [
    ["document", sent("{ nothing }", { accept: "application/graphql-response+json" })],
    ["type", { ...sent(WHO), headers: { "content-type": "text/plain" } }],
    ["size", { ...sent(WHO), body: " ".repeat(200_000) }],
    ["path", sent(WHO), "/x"],
  ]) {
    const { status, body } = await fetched(page, open, init, query);
    codes[name] = [status, JSON.parse(body).errors[0].extensions.code];
  }
  assert.deepEqual(codes, {
    document: [400, "INVALID_DOCUMENT"],
    type: [415, "UNSUPPORTED_MEDIA_TYPE"],
    size: [413, "TOO_LARGE"],
    path: [404, "NOT_FOUND"],
  });
});

scenario("a page reads that a credential is missing, and when to come back", APP, async (page) => {
  const missing = await fetched(page, listing, sent(WHO));
  const tries = [];
  for (let each = 0; each < 3; each++) tries.push(await fetched(page, listing, sent(WHO, { authorization: "Bearer no" })));
  assert.equal(missing.status, 401);
  assert.equal(tries.at(-1).status, 429);
  assert(Number(tries.at(-1).headers["retry-after"]) > 0);
}, listing);

scenario("an EventSource reads an event stream", LOCAL, async (page) => {
  const url = `${open.url}?query=${encodeURIComponent(WHO)}`;
  const told = await page.evaluate((url) => clients.eventSource(url), url);
  assert.deepEqual(JSON.parse(told).data, ANSWER);
});

scenario("a browser's own credentials are never sent", LOCAL, async (page) => {
  await assert.rejects(fetched(page, open, { ...sent(WHO), credentials: "include" }));
});

scenario("the files of a page and metrics are not for other pages", LOCAL, async (page) => {
  const metrics = { url: open.url.replace("/graphql", "/metrics") };
  await assert.rejects(fetched(page, metrics));
});

scenario("a frame without an origin reads nothing", LOCAL, async (page) => {
  const told = await page.evaluate((url) => clients.inSandbox(url), open.url);
  assert.match(told, /TypeError/);
});

for (const host of [STRANGER, LOCAL]) {
  scenario(`without a preflight a page of ${host} changes nothing`, host, async (page) => {
    const before = await count();
    const document = REGISTER.replace("($name: String!)", "").replace("$name", '"forged"');
    const answered = await page.evaluate(([url, document]) => clients.forge(url, document), [open.url, document]);
    assert.deepEqual(answered, { simple: "opaque", form: "loaded", image: "failed", beacon: true });
    assert.equal(await count(), before);
  });
}

scenario("a page that is not allowed changes nothing with a preflight", STRANGER, async (page) => {
  const before = await count();
  await assert.rejects(fetched(page, open, sent(REGISTER.replace("($name: String!)", "").replace("$name", '"forged"'))));
  assert.equal(await count(), before);
});

/** How many actors the open server has. */
async function count() {
  const answer = await fetch(open.url, sent(COUNT));
  return (await answer.json()).data.actors.totalCount;
}

async function outcome(browser, { host, run, server }) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(`http://${host}:${port}/`);
    await page.waitForFunction(() => globalThis.clients);
    await run(page, server);
    return null;
  } catch (error) {
    return error.stack;
  } finally {
    await context.close();
  }
}

// Chromium's sandbox does not work for root.
const rules = [APP, STRANGER].map((name) => `MAP ${name} 127.0.0.1`).join(",");
const args = [`--host-resolver-rules=${rules}`, ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
const browser = await chromium.launch({ executablePath, args });
const outcomes = {};
for (const [name, each] of Object.entries(scenarios)) outcomes[name] = await outcome(browser, each);
await browser.close();
console.log(JSON.stringify(outcomes));
