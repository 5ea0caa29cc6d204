// What one does first: write, run, look things up, choose a theme.
import assert from "node:assert/strict";
import { answered, button, eventually, isAsked, operation, ready, scenario, write } from "./driver.mjs";

scenario("a query typed with completion runs and follows a relation", async (page) => {
  await write(page, "{ contexts(first: 1) { nodes { na");
  await complete(page, "name");
  await page.keyboard.type(" ow");
  await complete(page, "owner");
  await page.keyboard.type(" { disp");
  await complete(page, "displayName");
  const { contexts } = await answered(page);
  assert.match(contexts.nodes[0].owner.displayName, /\w/);
});

scenario("an example opens, runs and shows its answer", async (page) => {
  await page.getByRole("button", { name: /What is failing/ }).click();
  const { connections } = await answered(page);
  assert(connections.nodes.length > 0);
  await page.locator(".graphiql-response").getByText("lastError").first().waitFor();
});

scenario("a mutation runs and can be seen by a query", async (page) => {
  await page.getByRole("button", { name: /Add an actor/ }).click();
  const { registerActor } = await answered(page);
  assert.deepEqual(registerActor.errors, []);
  await write(page, `{ actor(chittyId: "${registerActor.actor.chittyId}") { displayName `);
  assert.deepEqual(await answered(page), { actor: { displayName: "Notes Agent" } });
});

scenario("what somebody wrote is kept when an example opens", async (page) => {
  await write(page, "{ viewer { capabilities ");
  await page.getByRole("button", { name: /Page by page/ }).click();
  await page.getByRole("tab", { name: "PageByPage" }).waitFor();
  await page.getByRole("tab", { name: "Written" }).waitFor();
});

scenario("what was run is listed, opened again, kept as favourite and removed", async (page) => {
  await write(page, "{ viewer { capabilities ");
  await answered(page);
  await button(page, "Show History").click();
  await button(page, "Favourite: Written").click();
  await page.getByRole("button", { name: "Favourite: Written", pressed: true }).waitFor();
  await button(page, "New tab").click();
  await button(page, "Written").click();
  await eventually(async () => assert.match(await operation(page), /viewer/));
  await button(page, "Remove Written").click();
  await page.getByText("Operations that you run are listed here").waitFor();
});

scenario("the docs panel leads from a query to a relation and says what it is", async (page) => {
  await button(page, "Show Documentation").click();
  const docs = page.locator(".graphiql-doc-explorer");
  await docs.getByText("which actors own which contexts").waitFor();
  await docs.getByRole("link", { name: "Query" }).click();
  await docs.getByRole("link", { name: "Context", exact: true }).first().click();
  await docs.getByText("The actor that owns it").waitFor();
  await docs.getByRole("link", { name: "Actor", exact: true }).click();
  await docs.getByText("The display name").waitFor();
  await button(page, "Context").click();
  await docs.getByText("The actor that owns it").waitFor();
});

scenario("the docs panel lists types by kind and in order", async (page) => {
  await button(page, "Show Documentation").click();
  const names = (kind) => page.locator(".chitty-types").filter({ hasText: kind }).getByRole("link").allInnerTexts();
  await page.getByRole("heading", { name: "Objects" }).waitFor();
  const kinds = ["Operations", "Objects", "Interfaces and unions", "Inputs", "Enums", "Scalars"];
  assert.deepEqual(await page.locator(".chitty-types h3").allInnerTexts(), kinds);
  assert.deepEqual(await names("Operations"), ["Query", "Mutation", "Subscription"]);
  for (const kind of kinds.slice(1)) {
    const shown = await names(kind);
    assert(shown.length > 1, kind);
    assert.deepEqual(shown, shown.toSorted(), kind);
  }
});

scenario("headers are sent and stored nowhere", async (page) => {
  await write(page, "{ __typename ");
  await page.getByRole("tab", { name: "Headers" }).click();
  await page.locator(".graphiql-editor-tool .monaco-editor").last().click();
  await page.keyboard.type('{ "authorization": "Bearer swordfish');
  const [request] = await Promise.all([page.waitForRequest(isAsked), answered(page)]);
  assert.equal((await request.allHeaders()).authorization, "Bearer swordfish");
  await button(page, "Show History").click();
  await page.waitForFunction(() => localStorage["graphiql:tabState"]?.includes("__typename"));
  await page.waitForFunction(() => localStorage["graphiql:queries"]?.includes("__typename"));
  await page.reload();
  await ready(page);
  const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  assert(!stored.includes("swordfish"), stored);
});

scenario("it is dark where the system is", (page) => looks(page, "dark"), { colorScheme: "dark" });

scenario("it is light where the system is, until dark is chosen, also when it is opened again", async (page) => {
  await looks(page, "light");
  await button(page, "Settings").click();
  await button(page, "Dark").click();
  await looks(page, "dark");
  await page.reload();
  await ready(page);
  await looks(page, "dark");
});

async function looks(page, expected) {
  await page.waitForFunction((expected) => {
    const { backgroundColor } = getComputedStyle(document.querySelector(".graphiql-container"));
    const [red, green, blue] = backgroundColor.match(/\d+/g).map(Number);
    return (red + green + blue > 384 ? "light" : "dark") === expected;
  }, expected);
}

async function complete(page, name) {
  const row = page.locator(".suggest-widget.visible .monaco-list-row").filter({ hasText: name }).first();
  await row.waitFor();
  await row.click();
}
