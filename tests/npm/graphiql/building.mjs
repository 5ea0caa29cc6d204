// The query builder.
import assert from "node:assert/strict";
import { answered, button, eventually, operation, paste, scenario } from "./driver.mjs";

const builder = (page) => page.locator(".chitty-builder");
const tick = (page, name) => builder(page).getByRole("checkbox", { name, exact: false });
const becomes = (page, text) => eventually(async () => assert.equal(await operation(page), text));
/** A field by its path of names, each within the last. */
const at = (page, ...path) =>
  path.reduce(
    (within, name) =>
      within.locator("li").filter({ has: page.locator(`> label > span:text-is("${name}")`) }).first(),
    builder(page),
  );
const toggle = (page, ...path) => at(page, ...path).locator("> label > input").click();

scenario("a query is built by ticking, from nothing to an answer", async (page) => {
  await paste(page, "");
  await button(page, "Show Query builder").click();
  await toggle(page, "contexts");
  await becomes(page, "query MyQuery {\n  contexts {\n    nodes {\n      name\n    }\n  }\n}\n");
  await toggle(page, "contexts", "nodes", "owner");
  await toggle(page, "contexts", "nodes", "owner", "actorType");
  await at(page, "contexts").locator("> details > summary").click();
  await toggle(page, "contexts", "first");
  await page.getByLabel("first", { exact: true }).last().fill("3");
  await page.keyboard.press("Enter");
  await toggle(page, "contexts", "filter");
  await toggle(page, "contexts", "filter", "status");
  await toggle(page, "contexts", "filter", "status", "eq");
  await page.getByLabel("eq", { exact: true }).last().selectOption("ACTIVE");
  await becomes(
    page,
    "query MyQuery {\n  contexts(first: 3, filter: { status: { eq: ACTIVE } }) {\n    nodes {\n      name\n" +
      "      owner {\n        displayName\n        actorType\n      }\n    }\n  }\n}\n",
  );
  const { contexts } = await answered(page);
  assert.equal(contexts.nodes.length, 3);
  assert(contexts.nodes[0].owner.actorType);
  await toggle(page, "contexts", "filter");
  await toggle(page, "contexts", "nodes", "owner");
  await becomes(page, "query MyQuery {\n  contexts(first: 3) {\n    nodes {\n      name\n    }\n  }\n}\n");
  await toggle(page, "contexts", "nodes", "name");
  await becomes(page, "\n");
});

scenario("the builder shows what is written and keeps comments, layout and undo", async (page) => {
  const written = `# Mine
query Written($n: Int) {
  actors(first: $n) { # few
    nodes { id }
  }
  node(id: "x") {
    ... on Context { name }
    ...Known
  }
}
fragment Known on Actor { email }`;
  await paste(page, written);
  await button(page, "Show Query builder").click();
  assert(await at(page, "actors", "nodes", "id").locator("> label > input").isChecked());
  await builder(page).locator("code").getByText("$n").waitFor();
  await builder(page).getByText("...Known").waitFor();
  assert(await at(page, "node", "... on Context", "name").locator("> label > input").isChecked());
  await toggle(page, "node", "... on Actor");
  await toggle(page, "actors", "totalCount");
  const changed = written
    .replace("    nodes { id }\n", "    nodes { id }\n    totalCount\n")
    .replace("    ...Known\n", "    ...Known\n    ... on Actor {\n      displayName\n    }\n");
  await becomes(page, changed);
  await toggle(page, "node", "... on Context");
  await becomes(page, changed.replace("    ... on Context { name }\n", ""));
  await page.locator(".graphiql-query-editor .monaco-editor").click();
  for (let times = 0; times < 3; times++) await page.keyboard.press("ControlOrMeta+Z");
  await becomes(page, written);
});

scenario("a mutation is built with the input that it requires", async (page) => {
  await paste(page, "");
  await button(page, "Show Query builder").click();
  await builder(page).getByRole("button", { name: "mutation" }).click();
  await toggle(page, "registerActor");
  await eventually(async () => assert.match(await operation(page), /registerActor\(input: \{ actorType: HUMAN \}\)/));
  await toggle(page, "registerActor", "input", "displayName");
  await page.getByLabel("displayName", { exact: true }).last().fill('Ada "B"');
  await toggle(page, "registerActor", "input", "capabilities");
  await page.getByLabel("capabilities 1", { exact: true }).fill("registry:read");
  await button(page, "Add to capabilities").click();
  await page.getByLabel("capabilities 2", { exact: true }).fill("admin");
  await toggle(page, "registerActor", "errors");
  const { registerActor } = await answered(page);
  assert.deepEqual(registerActor.errors, []);
  assert((await operation(page)).includes('displayName: "Ada \\"B\\"", capabilities: ["registry:read", "admin"]'));
});

scenario("while an operation cannot be read, the builder says so", async (page) => {
  await button(page, "Show Query builder").click();
  await tick(page, "contexts").first().waitFor();
  await paste(page, "query Broken {");
  await builder(page).getByText(/Once the operation can be read.*Syntax Error/).waitFor();
  assert.equal(await builder(page).getByRole("checkbox").count(), 0);
});
