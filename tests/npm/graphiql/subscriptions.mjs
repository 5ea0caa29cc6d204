// Subscriptions: what is shown of them while they go on, and how they end.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { ASKING, unlock } from "./credentials.mjs";
import { button, eventually, paste, response, scenario, servers } from "./driver.mjs";

const QUERY = `subscription Watch {
  changes { operation kind entity { ... on Actor { displayName } } }
}`;
const status = (page) => page.locator(".chitty-status");

/** Change something, as somebody else does. */
async function register({ url, key }, displayName) {
  const query = `mutation { registerActor(input: { actorType: AI, displayName: "${displayName}" }) { errors { message } } }`;
  const headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
  const { data } = await (await fetch(url, { method: "POST", headers, body: JSON.stringify({ query }) })).json();
  assert.deepEqual(data.registerActor.errors, []);
}

async function start(page) {
  await button(page, "Run").click();
  await status(page).getByText("Listening").waitFor();
}

export const names = async (page) => JSON.parse(await response(page)).map(({ data }) => data.changes.entity.displayName);

const watches = async (page) => {
  await page.getByRole("button", { name: /^Watch changes/ }).click();
  await start(page);
  await page.getByText("No events yet").waitFor();
  await register(servers.open, "First");
  await status(page).getByText("1 event", { exact: true }).waitFor();
  await register(servers.open, "Second");
  await status(page).getByText("2 events").waitFor();
  assert.deepEqual(await names(page), ["Second", "First"]);
  await page.locator(".graphiql-response .view-line").getByText("Second").first().waitFor();

  await button(page, "Table").click();
  const rows = page.locator(".chitty-table tbody tr");
  await rows.first().getByText("Second").first().waitFor();
  assert.equal(await rows.count(), 2);
  await register(servers.open, "Third");
  await rows.first().getByText("Third").first().waitFor();

  await button(page, "Stop").click();
  await status(page).getByText("Stopped").waitFor();
  await button(page, "Run").waitFor();
  await register(servers.open, "Fourth");
  await page.waitForTimeout(200); // in which it would be shown
  assert.equal(await rows.count(), 3);
};
scenario("a subscription shows changes as they come, the newest first, and Stop ends it", watches);

const watchesAsSomebody = async (page) => {
  await unlock(page, servers.told);
  await paste(page, QUERY);
  await start(page);
  await register(servers.told, "Known");
  await eventually(async () => assert.deepEqual(await names(page), ["Known"]));
};
scenario("a subscription carries the credential", watchesAsSomebody, { ...servers.told, ...ASKING });

const keepsTheNewest = async (page) => {
  await paste(page, QUERY);
  await start(page);
  const all = Array.from({ length: 105 }, (_, number) => `Number ${number}`);
  for (const name of all) await register(servers.open, name);
  await status(page).getByText("105 events").waitFor();
  assert.deepEqual(await names(page), all.slice(5).reverse());
};
scenario("a subscription counts all events and shows the newest hundred", keepsTheNewest);

/** Connections to the open server, which can all be cut. */
const connections = new Set();
const passing = createServer((client) => {
  const { hostname, port } = new URL(servers.open.url);
  const server = connect(port, hostname);
  client.on("error", () => {}).on("close", () => connections.delete(client) && server.destroy());
  server.on("error", () => {}).on("close", () => client.destroy());
  client.pipe(server).pipe(client);
  connections.add(client);
});
await new Promise((listening) => passing.listen(0, "127.0.0.1", listening));
passing.unref();

const comesBack = async (page) => {
  await paste(page, QUERY);
  await start(page);
  await register(servers.open, "Before");
  await status(page).getByText("1 event", { exact: true }).waitFor();
  const isBack = status(page).getByText("Reconnecting").waitFor();
  connections.forEach((connection) => connection.destroy());
  await isBack;
  await register(servers.open, "Meanwhile");
  await status(page).getByText("2 events").waitFor();
  await register(servers.open, "After");
  await status(page).getByText("3 events").waitFor();
  assert.deepEqual(await names(page), ["After", "Meanwhile", "Before"]);
};
scenario("a subscription whose connection is lost goes on after its last event", comesBack, {
  url: `http://127.0.0.1:${passing.address().port}/graphql`,
  expected: /ERR_INCOMPLETE_CHUNKED_ENCODING/,
});

const tellsRefusal = async (page) => {
  await paste(page, "subscription { nothing }");
  await button(page, "Run").click();
  await status(page).getByText("Ended").waitFor();
  await status(page).getByText("1 error").waitFor();
  assert.match(await response(page), /INVALID_DOCUMENT/);
  await button(page, "Run").waitFor();
};
scenario("a subscription that is refused says why", tellsRefusal);

const isLeft = async (page) => {
  await paste(page, QUERY);
  await start(page);
  await button(page, "New tab").click();
  await button(page, "Run").waitFor();
  await page.getByRole("tab", { name: "Watch" }).click();
  await status(page).getByText("Stopped").waitFor();
};
scenario("a subscription ends when its tab is left", isLeft);
