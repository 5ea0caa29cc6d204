// What is shown of a response: how it went, tables, other pages.
import assert from "node:assert/strict";
import {
  answered,
  button,
  eventually,
  operation,
  paste,
  pasteVariables,
  responded,
  response,
  scenario,
  variables,
} from "./driver.mjs";

const PAGES = `# Kept
query Pages($after: String) {
  contexts(first: 2, after: $after) {
    nodes { name owner { displayName } connections { nodes { targetService } } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const REFUSED = { expected: /status of 400/ };
const status = (page) => page.locator(".chitty-status");
const names = ({ contexts }) => contexts.nodes.map(({ name }) => name);

const tells = async (page) => {
  await paste(page, "{ contexts(first: 2) { nodes { name owner { displayName } } } }");
  const answer = await responded(page);
  const { extensions } = await answer.json();
  const [told, timing] = [await status(page).innerText(), await answer.headerValue("server-timing")];
  const parts = told.split("\n");
  assert.equal(parts[0], "200");
  assert.match(parts[1], /^[\d,]+ ms \(server [\d.]+\)$/);
  assert.match(parts[2], /^\d+ B$/);
  assert.deepEqual(parts.slice(3), ["cost 4 of 50,000", "2 statements", "compiled"]);
  assert.match(timing, /execution;desc=compiled, statements;desc=2/);
  assert.equal(extensions.cost.requested, 4);
  assert(!(await response(page)).includes("extensions"), "what only this line asked for is shown as response");
};
scenario("a line tells status, time, size, cost, statements and execution path", tells);

const tellsRefusal = async (page) => {
  await paste(page, "{ nothing }");
  await responded(page);
  await status(page).getByText("400").waitFor();
  await status(page).getByText("1 error").waitFor();
  await paste(page, "{ __typename }");
  await responded(page);
  await status(page).getByText("200").waitFor();
  assert.equal(await status(page).getByText("error").count(), 0);
};
scenario("the line tells a refused operation from one that succeeds", tellsRefusal, REFUSED);

const tellsOutage = async (page) => {
  await paste(page, "{ __typename }");
  await page.route("**/graphql", (route) => route.abort());
  await button(page, "Run").click();
  const told = { errors: [{ message: "The server cannot be reached: does it run?" }] };
  await eventually(async () => assert.deepEqual(JSON.parse(await response(page)), told));
};
scenario("a server that cannot be reached is told in one sentence", tellsOutage, { expected: /ERR_FAILED/ });

scenario("the line belongs to its tab", async (page) => {
  await paste(page, "{ __typename }");
  await responded(page);
  await button(page, "New tab").click();
  await eventually(async () => assert.equal(await status(page).innerText(), ""));
  await page.getByRole("tablist", { name: "Operations" }).getByRole("tab").first().click();
  await status(page).getByText("200").waitFor();
});

scenario("lists are shown as tables, with the lists within", async (page) => {
  await paste(page, PAGES);
  const { contexts } = await answered(page);
  await button(page, "Table").click();
  const table = page.getByRole("table").first();
  await table.waitFor();
  const heads = await table.locator("> thead th").allInnerTexts();
  assert.deepEqual(heads, ["name", "owner.displayName", "connections"]);
  const [first] = contexts.nodes;
  const row = table.locator("> tbody > tr").first();
  assert.deepEqual(await row.locator("> td").nth(1).innerText(), first.owner.displayName);
  await row.locator("summary").click();
  await row.getByRole("table").getByText(first.connections.nodes[0].targetService, { exact: true }).first().waitFor();
  await paste(page, "{ viewer { __typename } }");
  await answered(page);
  await page.getByText("This response has no lists.").waitFor();
  await button(page, "JSON").click();
  await page.locator(".graphiql-response").getByText('"viewer"', { exact: true }).waitFor();
});

scenario("another page of a list is one press away, with a variable", async (page) => {
  await paste(page, PAGES);
  const first = await answered(page);
  const second = await answered(page, () => button(page, "Next page").click());
  assert.deepEqual(JSON.parse(await variables(page)), { after: first.contexts.pageInfo.endCursor });
  assert.equal(await operation(page), PAGES);
  assert.equal(new Set([...names(first), ...names(second)]).size, 4);
  assert.deepEqual(names(await answered(page, () => button(page, "First page").click())), names(first));
  assert.equal(await variables(page), "");
});

scenario("another page of a list is one press away, without a variable", async (page) => {
  const query = "query Pages {\n  contexts(first: 60) {\n    nodes { name } # names\n  }\n  __typename\n}";
  await paste(page, query);
  const first = await answered(page);
  const told = await answered(page, () => button(page, "More pages?").click());
  const second = await answered(page, () => button(page, "Next page").click());
  const { endCursor } = told.contexts.pageInfo;
  assert(names(first).every((name) => !names(second).includes(name)));
  assert.match(await operation(page), /contexts\(first: 60, after: "[^"]+"\) \{\n {4}nodes \{ name \} # names\n/);
  assert((await operation(page)).includes(endCursor));
  assert(await button(page, "Next page").isDisabled(), "the second page is the last");
  assert.deepEqual(names(await answered(page, () => button(page, "First page").click())), names(first));
});

scenario("a list that is read from its end has previous pages", async (page) => {
  await paste(
    page,
    "{ connections(last: 2) { nodes { id } pageInfo { hasPreviousPage startCursor } } actors(first: 1) { nodes { id } } }",
  );
  const last = await answered(page);
  const before = await answered(page, () => button(page, "Previous page of connections").click());
  assert.notDeepEqual(before.connections, last.connections);
  assert.deepEqual(before.actors, last.actors);
  await button(page, "More pages of actors?").waitFor();
});

scenario("variables that are no cursor stay", async (page) => {
  await paste(page, PAGES.replace("first: 2", "first: $n").replace("($after", "($n: Int, $after"));
  await pasteVariables(page, '{ "n": 3 }');
  const { contexts } = await answered(page);
  await answered(page, () => button(page, "Next page").click());
  assert.deepEqual(JSON.parse(await variables(page)), { n: 3, after: contexts.pageInfo.endCursor });
});
