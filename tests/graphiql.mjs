// GraphiQL in a real browser: node graphiql.mjs CHROMIUM OPEN-URL GATED-URL CREDENTIAL
//
// Prints one JSON object: what each scenario, by its name, found wrong, or null.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [executablePath, open, gated, credential] = process.argv.slice(2);
const WIDE = { width: 1400, height: 900 };
const scenarios = {};
const scenario = (name, run, options = {}) => (scenarios[name] = { run, url: open, ...options });

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

scenario("the docs panel leads from a query to a relation and says what it is", async (page) => {
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  const docs = page.locator(".graphiql-doc-explorer");
  await docs.getByText("which actors own which contexts").waitFor();
  await docs.getByRole("link", { name: "Query" }).click();
  await docs.getByRole("link", { name: "Context", exact: true }).first().click();
  await docs.getByText("The actor that owns it").waitFor();
  await docs.getByRole("link", { name: "Actor", exact: true }).click();
  await docs.getByText("What people call it").waitFor();
});

scenario("headers are sent and stored nowhere", async (page) => {
  await write(page, "{ __typename ");
  await page.getByRole("button", { name: "Headers" }).click();
  await page.locator(".graphiql-editor-tool .monaco-editor").last().click();
  await page.keyboard.type('{ "authorization": "Bearer swordfish');
  const [request] = await Promise.all([page.waitForRequest(isAsked), answered(page)]);
  assert.equal((await request.allHeaders()).authorization, "Bearer swordfish");
  await page.getByRole("button", { name: "Show History" }).click();
  await page.waitForFunction(() => localStorage["graphiql:tabState"]?.includes("__typename"));
  await page.waitForFunction(() => localStorage["graphiql:queries"]?.includes("__typename"));
  const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  assert(!stored.includes("swordfish"), stored);
});

scenario("it is dark where the system is", (page) => looks(page, "dark"), { colorScheme: "dark" });

scenario("it is light where the system is, until dark is chosen, also when it is opened again", async (page) => {
  await looks(page, "light");
  await page.getByRole("button", { name: "Open settings dialog" }).click();
  await page.getByRole("button", { name: "Dark" }).click();
  await looks(page, "dark");
  await page.reload();
  await ready(page);
  await looks(page, "dark");
});

const opensNarrow = async (page) => {
  await page.getByRole("button", { name: "Show Examples" }).click();
  await page.getByRole("button", { name: /What is failing/ }).click();
  const { connections } = await answered(page);
  assert(connections.nodes.length > 0);
};
scenario("in a narrow window the examples give way to the one that is opened", opensNarrow, {
  viewport: { width: 400, height: 750 },
});

const unlocks = async (page) => {
  const field = page.getByLabel("Credential");
  await page.getByRole("alert").getByText("A credential is needed").waitFor();
  assert(await field.evaluate((element) => element === document.activeElement));
  await field.fill("another");
  await field.press("Enter");
  await page.getByRole("alert").getByText("The credential was refused").waitFor();
  await field.fill(credential);
  await field.press("Enter");
  await page.getByRole("alert").getByText("credential").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.locator(".graphiql-doc-explorer").getByRole("link", { name: "Query" }).waitFor();
  await write(page, "{ viewer { capabilities ");
  assert.deepEqual(await answered(page), { viewer: { capabilities: ["admin"] } });
  const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  assert(!stored.includes(credential), stored);
};
scenario("a credential is asked for where one is needed, sent, and not stored", unlocks, {
  url: gated,
  expected: /status of 401/,
});

const saysSo = async (page) => {
  await page.getByText("its files could not be loaded").waitFor();
  await page.unroute(/\.js$/);
  await page.reload();
  await ready(page);
  assert.equal(await page.getByText("its files could not be loaded").count(), 0);
};
scenario("a page whose script is lost says so until it is loaded again", saysSo, {
  lost: /\.js$/,
  opened: (page) => page.waitForLoadState(),
  expected: /Failed to load resource/,
});

async function looks(page, expected) {
  await page.waitForFunction((expected) => {
    const { backgroundColor } = getComputedStyle(document.querySelector(".graphiql-container"));
    const [red, green, blue] = backgroundColor.match(/\d+/g).map(Number);
    return (red + green + blue > 384 ? "light" : "dark") === expected;
  }, expected);
}

const ready = (page) => page.locator(".graphiql-query-editor .view-line").first().waitFor();

async function write(page, text) {
  await page.locator(".graphiql-query-editor .monaco-editor").click();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.press("Delete");
  await page.keyboard.type(`query Written ${text}`); // what it opens the editor closes
  await page.getByRole("tab", { name: "Written", selected: true }).waitFor();
}

async function complete(page, name) {
  const row = page.locator(".suggest-widget.visible .monaco-list-row").filter({ hasText: name }).first();
  await row.waitFor();
  await row.click();
}

/** Whether a request was asked for with the button; GraphiQL reads the schema on its own. */
const isAsked = (request) => request.method() === "POST" && !request.postData().includes("IntrospectionQuery");

/** Run what the editor holds: the data of its answer, once it is shown. */
async function answered(page) {
  await page.keyboard.press("Escape"); // what is suggested may lie over the button
  const [answer] = await Promise.all([
    page.waitForResponse((response) => isAsked(response.request())),
    page.getByRole("button", { name: /Execute query/ }).click(),
  ]);
  const body = await answer.json();
  assert.equal(body.errors, undefined, JSON.stringify(body));
  await page.locator(".graphiql-response").getByText('"data"').waitFor();
  return body.data;
}

/** What went wrong in a browser of its own, or null: with the page, or with where it reached. */
async function outcome(browser, { run, url, colorScheme, viewport = WIDE, expected = /^$/, lost, opened = ready }) {
  const context = await browser.newContext({ colorScheme, viewport });
  context.setDefaultTimeout(20_000);
  const faults = [];
  const { origin } = new URL(url);
  context.on("request", (request) => {
    if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin) {
      faults.push(`off the origin: ${request.url()}`);
    }
  });
  context.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !expected.test(text)) faults.push(`console: ${text}`);
  });
  context.on("weberror", (error) => faults.push(`uncaught: ${error.error()}`));
  await context.exposeFunction("reportViolation", (what) => faults.push(`policy: ${what}`));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      globalThis.reportViolation(`${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  try {
    const page = await context.newPage();
    if (lost) await page.route(lost, (route) => route.abort());
    await page.goto(url);
    await opened(page);
    await run(page);
    await page.waitForTimeout(200); // for what comes late
  } catch (error) {
    faults.push(error.stack);
  }
  await context.close();
  return faults.length ? faults.join("\n") : null;
}

// Chromium's sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args });
const outcomes = {};
for (const [name, each] of Object.entries(scenarios)) outcomes[name] = await outcome(browser, each);
await browser.close();
console.log(JSON.stringify(outcomes));
