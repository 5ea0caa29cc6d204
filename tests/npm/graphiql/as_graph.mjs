// From a response to the graph page: objects of any depth, by a link.
import assert from "node:assert/strict";
import { answered, button, eventually, operation, paste, response, scenario } from "./driver.mjs";

const NESTED = `{
  contexts(first: 2) {
    nodes { chittyId owner { id } connections(first: 3) { nodes { connectionId targetService } } }
  }
  services(first: 1) { nodes { name } }
}`;
const link = (page) => page.getByRole("link", { name: /^Show as graph/ });
const shown = async (page) => {
  const [, nodes] = /#nodes=(.*)$/.exec(await link(page).getAttribute("href"));
  return nodes.split(",").map(decodeURIComponent);
};

scenario("the objects of a response, however deep, are a link to the graph page", async (page) => {
  await paste(page, NESTED);
  const { contexts, services } = await answered(page);
  const named = await shown(page);
  for (const { chittyId, connections } of contexts.nodes) {
    assert(named.includes(`context:${chittyId}`));
    for (const { connectionId } of connections.nodes) assert(named.includes(`connection:${connectionId}`));
  }
  assert(named.includes(`service:${services.nodes[0].name}`));
  assert.equal(named.filter((name) => name.startsWith("actor:")).length, new Set(contexts.nodes.map(({ owner }) => owner.id)).size);
  const [graph] = await Promise.all([page.context().waitForEvent("page"), link(page).click()]);
  await graph.locator(".graph-summary").getByText(`${named.length} objects`, { exact: true }).waitFor();
  await graph.getByRole("option").filter({ hasText: services.nodes[0].name }).first().waitFor();
  assert.equal(graph.url().replace(/#.*$/, ""), page.url().replace(/graphql.*$/, "graph"));
  await graph.close();
});

scenario("ids that a response lacks are selected in one press, where it has objects", async (page) => {
  const query = "query Owned {\n  contexts(first: 2) {\n    nodes { name owner { displayName } } # few\n  }\n}";
  await paste(page, query);
  await answered(page);
  await page.getByText("This response has nothing that names its objects: select their ids.").waitFor({ state: "attached" });
  const { contexts } = await answered(page, () => button(page, "Select ids").click());
  const selecting = query.replace("name owner { displayName }", "name owner { displayName id } id");
  assert.equal(await operation(page), selecting);
  assert(contexts.nodes.every(({ id, owner }) => id && owner.id));
  await eventually(async () => assert.equal((await shown(page)).length, 2 + new Set(contexts.nodes.map(({ owner }) => owner.id)).size));
});

scenario("where a response has no objects, the way to the graph page is closed and says why", async (page) => {
  await paste(page, "{ contexts { totalCount } viewer { capabilities } }");
  await answered(page);
  const closed = button(page, "Show as graph");
  const why = "This response has no actors, contexts, connections, installations or services.";
  await eventually(async () => assert.equal(await closed.getAttribute("title"), why));
  assert.equal(await closed.getAttribute("aria-disabled"), "true");
  assert.equal(await page.locator(`#${await closed.getAttribute("aria-describedby")}`).textContent(), why);
  await closed.focus();
  await page.keyboard.press("Enter");
  assert.equal(page.context().pages().filter((each) => each.url().includes("/graph#")).length, 0);
  assert.equal(await button(page, "Select ids").count(), 0);
  assert((await response(page)).includes("totalCount"));
});

scenario("a link to the graph page holds so many objects, and says of how many", async (page) => {
  await paste(page, "{ contexts(first: 100) { nodes { id owner { id } } } }");
  await answered(page);
  assert.equal(await link(page).innerText(), "Show as graph");
  const connected = "(first: 100) { nodes { id connections(first: 5) { nodes { id } } } }";
  await paste(page, `{ contexts${connected} actors${connected} services(first: 100) { nodes { id } } }`);
  const ids = JSON.stringify(await answered(page)).match(/"id":"[^"]+"/g);
  await eventually(async () => assert.match(await link(page).innerText(), /\(/));
  const [, count, all] = /^Show as graph \((\d+) of (\d+)\)$/.exec(await link(page).innerText());
  assert.equal(Number(all), new Set(ids).size);
  assert.equal((await shown(page)).length, Number(count));
  assert(Number(count) > 400 && Number(count) <= 500);
  assert((await link(page).getAttribute("href")).length <= 30_000);
  assert.match(await link(page).getAttribute("title"), /no more than the first \d+ of \d+ objects/);
});
