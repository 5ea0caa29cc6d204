// Tabs, and what the browser keeps of them.
import assert from "node:assert/strict";
import {
  answered,
  button,
  eventually,
  operation,
  paste,
  pasteVariables,
  ready,
  scenario,
  servers,
  variables,
  write,
} from "./driver.mjs";

const tabs = (page) => page.getByRole("tablist", { name: "Operations" }).getByRole("tab");

/** Wait until the editors have an operation and variables. */
const holds = (page, parts) =>
  eventually(async () => assert.deepEqual([await operation(page), await variables(page)], parts));

scenario("four tabs with their variables survive a reload that comes at once", async (page) => {
  const written = ["One", "Two", "Three", "Four"].map((name) => [
    `query ${name}($n: Int) {\n  contexts(first: $n) { totalCount } # ${name}\n}`,
    `{ "n": ${name.length} }`,
  ]);
  for (const [index, [query, values]] of written.entries()) {
    if (index) await button(page, "New tab").click();
    await paste(page, query);
    await pasteVariables(page, values);
  }
  await page.reload(); // GraphiQL itself stores half a second later
  await ready(page);
  assert.equal(await tabs(page).count(), 4);
  await holds(page, written[3]);
  for (const [index, parts] of written.entries()) {
    await tabs(page).nth(index).click();
    await holds(page, parts);
  }
  await page.reload();
  await ready(page);
  await tabs(page).nth(1).evaluate((second) => {
    second.click();
    window.location.reload(); // before anything that GraphiQL does later
  });
  await page.getByRole("tab", { name: "Two", selected: true }).waitFor();
  await ready(page);
  await holds(page, written[1]);
  assert.equal(await tabs(page).count(), 4);
});

/** Insert a text where the cursor is, and reload before anything that GraphiQL does later. */
const insertAndLeave = (page, text) =>
  page.evaluate((text) => {
    window.setTimeout = () => 0; // the page lives on until the server answers, which may take long
    document.execCommand("insertText", false, text);
    window.location.reload();
  }, text);

scenario("a tab that is left as soon as it was written has the name of its operation", async (page) => {
  await page.getByRole("tab", { name: "WhoOwnsWhat", selected: true }).waitFor(); // it must not outlive its text
  await page.locator(".graphiql-query-editor .monaco-editor").click();
  await page.keyboard.press("ControlOrMeta+A");
  await insertAndLeave(page, "query Hasty");
  await page.getByRole("tab", { name: "Hasty", selected: true }).waitFor();
  await ready(page);
  assert.equal(await operation(page), "query Hasty");
});

scenario("a tab that is left as soon as it was changed keeps the operation that was selected", async (page) => {
  await paste(page, "query One { __typename }\nquery Two { __typename }\n");
  await page.getByLabel("Operation to run").selectOption("Two");
  await page.getByRole("tab", { name: "Two", selected: true }).waitFor();
  await page.locator(".graphiql-query-editor .monaco-editor").click();
  await page.keyboard.press("ControlOrMeta+End");
  await insertAndLeave(page, "# hasty");
  await page.getByRole("tab", { name: "Two", selected: true }).waitFor();
  await ready(page);
  assert.match(await operation(page), /# hasty$/);
});

scenario("variables are kept as they were written", async (page) => {
  const written = '{ "headers": 12345678901234567890,\n    "b": 1.0 }';
  await write(page, "{ __typename ");
  await pasteVariables(page, written);
  await page.reload();
  await ready(page);
  assert.equal(await variables(page), written);
});

scenario("tabs are moved, and closed with the cross", async (page) => {
  await write(page, "{ __typename ");
  await button(page, "New tab").click();
  await page.getByRole("tab", { name: "Untitled", selected: true }).focus();
  await page.keyboard.press("Control+Shift+ArrowLeft");
  await eventually(async () => assert.deepEqual(await tabs(page).allInnerTexts(), ["Untitled\n×", "Written\n×"]));
  await page.locator(".chitty-tab-close").last().click();
  await eventually(async () => assert.deepEqual(await tabs(page).allInnerTexts(), ["Untitled"]));
  assert.equal(await operation(page), "");
});

scenario("all that is stored can be removed", async (page) => {
  await write(page, "{ viewer { capabilities ");
  await button(page, "New tab").click();
  await button(page, "Settings").click();
  await Promise.all([page.waitForEvent("load"), button(page, "Remove all and start anew").click()]);
  await ready(page);
  assert.equal(await tabs(page).count(), 1);
  await page.getByRole("tab", { name: "WhoOwnsWhat" }).waitFor();
});

scenario("what is written outlives panels that close and windows that shrink", async (page) => {
  await paste(page, "query Kept { viewer { capabilities } }");
  await button(page, "Hide Examples").click();
  await page.setViewportSize({ width: 500, height: 800 });
  await page.locator(".chitty-separator[aria-orientation=horizontal]").last().waitFor();
  await page.setViewportSize({ width: 1280, height: 800 });
  await button(page, "Show Examples").click();
  assert.equal(await operation(page), "query Kept { viewer { capabilities } }");
  assert(await answered(page));
});

const keepsNothing = async (page) => {
  await assert.rejects(page.evaluate(() => localStorage.length));
  await page.getByRole("button", { name: /What is failing/ }).click();
  const { connections } = await answered(page);
  assert(connections.nodes.length > 0);
};
scenario("a browser that keeps nothing shows the page all the same", keepsNothing, { ...servers.open, keeps: false });
