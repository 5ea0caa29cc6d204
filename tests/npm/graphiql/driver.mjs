// What scenarios share: how they handle the page.
import assert from "node:assert/strict";
import { button, eventually } from "../pages/driver.mjs";

export * from "../pages/driver.mjs";

export const ready = (page) => page.locator(".graphiql-query-editor .view-line").first().waitFor();

/** The text of an editor. */
const text = (page, file) =>
  page.evaluate(
    (file) => globalThis.__MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith(file)).getValue(),
    file,
  );
export const operation = (page) => text(page, "operation.graphql");
export const variables = (page) => text(page, "variables.json");
export const response = (page) => text(page, "response.json");

/** Type an operation in place of what the editor holds. */
export async function write(page, text) {
  await clear(page);
  await page.keyboard.type(`query Written ${text}`); // what it opens the editor closes
  await page.getByRole("tab", { name: "Written", selected: true }).waitFor();
}

/** Paste a text in place of what the editor holds. */
export async function paste(page, text) {
  await clear(page);
  if (text) await insert(page, text);
  await eventually(async () => assert.equal(await operation(page), text));
}

/** Typed text would be indented and its brackets closed. */
export async function insert(page, text) {
  await page.evaluate((text) => navigator.clipboard.writeText(text), text);
  await page.keyboard.press("ControlOrMeta+V");
}

async function clear(page) {
  await page.locator(".graphiql-query-editor .monaco-editor").click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.press("Delete");
  await eventually(async () => assert.equal(await operation(page), ""));
}

export async function pasteVariables(page, text) {
  await page.getByRole("tab", { name: "Variables" }).click();
  await page.locator(".graphiql-editor-tool .monaco-editor").first().click();
  await page.keyboard.press("ControlOrMeta+A");
  await insert(page, text);
  await eventually(async () => assert.equal(await variables(page), text));
}

/** Whether a request was asked for by the user; GraphiQL reads the schema on its own. */
export const isAsked = (request) => request.method() === "POST" && !request.postData().includes("IntrospectionQuery");

/** Run what the editor holds: the response, once it is shown. */
export async function responded(page, how = () => button(page, "Run").click()) {
  await page.keyboard.press("Escape"); // what is suggested may lie over the button
  const [answer] = await Promise.all([page.waitForResponse((each) => isAsked(each.request())), how()]);
  await page.locator(".chitty-status").getByText(String(answer.status()), { exact: true }).waitFor();
  return answer;
}

/** Its data, where it has no errors. */
export async function answered(page, how) {
  const body = await (await responded(page, how)).json();
  assert.equal(body.errors, undefined, JSON.stringify(body));
  return body.data;
}
