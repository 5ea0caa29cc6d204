// What scenarios share: how they are declared, and how they handle the page.
import assert from "node:assert/strict";

export const PATIENCE = 60_000; // milliseconds: a busy machine may take long, and only a fault waits for all of it
export const PLAIN = "plain.example"; // leads to this machine, which the browser does not know
export const servers = JSON.parse(process.argv[4]);
export const scenarios = {};

/** Options are the server's and the browser's; `expected` are the errors that the console may have. */
export function scenario(name, run, options = {}) {
  scenarios[name] = { run, ...servers.open, ...options };
}

export const ready = (page) => page.locator(".graphiql-query-editor .view-line").first().waitFor();
export const button = (page, name) => page.getByRole("button", { name, exact: true });
export const boxes = (...locators) => Promise.all(locators.map((locator) => locator.boundingBox()));

/** The text of an editor. */
const text = (page, file) =>
  page.evaluate(
    (file) => globalThis.__MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith(file)).getValue(),
    file,
  );
export const operation = (page) => text(page, "operation.graphql");
export const variables = (page) => text(page, "variables.json");
export const response = (page) => text(page, "response.json");

/** Check until it holds: what is looked at may be drawn a moment later. */
export async function eventually(check) {
  for (const end = Date.now() + PATIENCE; ; await new Promise((again) => setTimeout(again, 20))) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

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
