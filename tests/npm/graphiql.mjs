// GraphiQL in a real browser: node graphiql.mjs CHROMIUM PROFILE SERVERS SCENARIOS
//
// PROFILE is a folder for a browser of settings of its own. SERVERS is JSON, by name the url of each and the
// key that opens it: `open`, with the demo, and three that are protected, of which one tells its schema, one
// does not, and one takes one wrong credential a minute. SCENARIOS is JSON, the names of those to run.
//
// Prints one JSON object: what each scenario, by its name, found wrong, or null.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [executablePath, profile] = process.argv.slice(2);
const [servers, names] = process.argv.slice(4).map((argument) => JSON.parse(argument));
const PATIENCE = 60_000; // milliseconds: a busy machine may take long, and only a fault waits for all of it
const PLAIN = "plain.example"; // leads to this machine, which the browser does not know
const WIDE = { width: 1400, height: 900 };
const scenarios = {};
const scenario = (name, run, options = {}) => (scenarios[name] = { run, ...servers.open, ...options });

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
  await docs.getByText("The display name").waitFor();
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

const scrollsWithin = async (page) => {
  const panel = page.locator(".graphiql-plugin");
  await panel.hover();
  const isAtItsEnd = ({ clientHeight, scrollHeight, scrollTop }) =>
    scrollHeight > clientHeight && scrollTop + clientHeight >= scrollHeight - 1;
  const turn = async () => {
    await page.mouse.wheel(0, 400);
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  };
  await eventually(async () => {
    await turn();
    assert(await panel.evaluate(isAtItsEnd));
  });
  for (let beyond = 0; beyond < 10; beyond++) await turn();
  assert.equal(await page.evaluate(() => scrollY), 0);
};
scenario("in a low window the wheel moves the examples and never the page", scrollsWithin, {
  viewport: { width: 1024, height: 600 },
});

scenario("variables are kept as they were written", async (page) => {
  const written = '{ "headers": 12345678901234567890,\n    "b": 1.0 }';
  await write(page, "{ __typename ");
  await page.getByRole("button", { name: "Variables", exact: true }).click();
  await page.locator(".graphiql-editor-tool .monaco-editor").first().click();
  await page.keyboard.insertText(written);
  await page.waitForFunction((written) => localStorage["graphiql:variables"] === written, written);
  await page.reload();
  await ready(page);
  await page.getByRole("button", { name: "Variables", exact: true }).click();
  const shown = page.locator(".graphiql-editor-tool .view-lines").first();
  await eventually(async () => // lines are drawn one after the other
    assert.deepEqual((await shown.innerText()).replaceAll("\u00a0", " ").split("\n"), written.split("\n")),
  );
});

const keepsNothing = async (page) => {
  await assert.rejects(page.evaluate(() => localStorage.length));
  await page.getByRole("button", { name: /What is failing/ }).click();
  const { connections } = await answered(page);
  assert(connections.nodes.length > 0);
};
scenario("a browser that keeps nothing shows the page all the same", keepsNothing, { keeps: false });

const { told, untold, impatient } = servers;
const field = (page) => page.getByLabel("Credential");
const alert = (page, text) => page.getByRole("alert").getByText(text);
const ASKING = { expected: /status of 401/ };

async function give(page, credential) {
  await field(page).fill(credential);
  await field(page).press("Enter");
}

async function unlock(page, { key }) {
  await alert(page, "A credential is needed").waitFor();
  await give(page, key);
  await alert(page, "credential").waitFor({ state: "detached" });
}

async function asksWhoItIs(page) {
  await write(page, "{ viewer { capabilities ");
  assert.deepEqual(await answered(page), { viewer: { capabilities: ["admin"] } });
}

const unlocks = async (page) => {
  await alert(page, "A credential is needed").waitFor();
  await eventually(async () => assert(await field(page).evaluate((element) => element === document.activeElement)));
  await give(page, "another");
  await alert(page, "The credential was refused").waitFor();
  await give(page, told.key);
  await alert(page, "credential").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  await page.locator(".graphiql-doc-explorer").getByRole("link", { name: "Query" }).waitFor();
  const answer = page.locator(".graphiql-response .view-lines");
  await eventually(async () => assert.equal((await answer.innerText()).trim(), ""));
  await asksWhoItIs(page);
  const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  assert(!stored.includes(told.key), stored);
};
scenario("a credential is asked for where one is needed, sent, and not stored", unlocks, { ...told, ...ASKING });

const saysItOnce = async (page) => {
  let asked = 0;
  page.on("request", (request) => (asked += request.method() === "POST"));
  await unlock(page, untold);
  const said = page.locator(".graphiql-response");
  await said.getByText("CHITTYGRAPH_INTROSPECTION=true").waitFor();
  await eventually(async () => assert.equal((await said.innerText()).match(/"message"/g)?.length, 1));
  assert.equal(asked, 1);
  await asksWhoItIs(page);
};
scenario("where the schema is not told that is said once, and all else works", saysItOnce, {
  ...untold,
  expected: /status of 40[01]/,
});

const waits = async (page) => {
  await alert(page, "A credential is needed").waitFor();
  await give(page, "one");
  await alert(page, "The credential was refused").waitFor();
  await give(page, "another");
  await alert(page, "Too many requests").waitFor();
};
scenario("who has tried too often is told to wait, and not taken for somebody", waits, {
  ...impatient,
  expected: /status of (401|429)/,
});

const reads = async (page) => {
  await alert(page, "A credential is needed").waitFor();
  const [text, ground] = await alert(page, "A credential is needed").evaluate((element) => {
    const painter = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const painted = (colors) => {
      for (const color of colors) {
        painter.fillStyle = color;
        painter.fillRect(0, 0, 1, 1);
      }
      return [...painter.getImageData(0, 0, 1, 1).data];
    };
    const grounds = [];
    for (let each = element; each; each = each.parentElement) grounds.unshift(getComputedStyle(each).backgroundColor);
    return [painted([...grounds, getComputedStyle(element).color]), painted(grounds)];
  });
  const contrast = (luminance(text) + 0.05) / (luminance(ground) + 0.05);
  assert(Math.max(contrast, 1 / contrast) >= 4.5, `${text} on ${ground}`);
};
scenario("what is said at the credential can be read in the light", reads, { ...told, ...ASKING });
scenario("what is said at the credential can be read in the dark", reads, {
  ...told,
  ...ASKING,
  colorScheme: "dark",
});

const fits = async (page) => {
  await alert(page, "A credential is needed").waitFor();
  await eventually(async () => {
    const [asking] = await boxes(field(page));
    assert(asking.width >= 100, "the field is too small for what it asks");
  });
  await unlock(page, told);
  await eventually(() => isInPlace(page));
};

async function isInPlace(page) {
  const [name, input] = await boxes(page.locator(".chitty-name"), field(page));
  assert(Math.abs(name.y + name.height / 2 - input.y - input.height / 2) < 4, "the credential is not beside the name");
  const tools = ["Variables", "Headers"].map((name) => page.getByRole("button", { name, exact: true }));
  const [editors, ...buttons] = await boxes(page.locator(".graphiql-editors"), ...tools);
  for (const { y, height } of buttons) assert(y + height <= editors.y + editors.height, "a button is cut");
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
}
scenario("everything fits a phone", fits, { ...told, ...ASKING, viewport: { width: 375, height: 667 } });
scenario("everything fits a small phone", fits, { ...told, ...ASKING, viewport: { width: 320, height: 568 } });

// Browsers heed the policy on this machine, and put an error on the console where a name is plain.
const isApart = async (page) => {
  const answer = await page.reload();
  assert.equal((await answer.allHeaders())["cross-origin-opener-policy"], "same-origin");
};
scenario("on this machine the page is apart from windows that open it", isApart);
scenario("over plain HTTP the page opens without an error on the console", (page) => unlock(page, told), {
  ...ASKING,
  url: told.url.replace("127.0.0.1", PLAIN),
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

/** Check until it holds: what is looked at may be drawn a moment later. */
async function eventually(check) {
  for (const end = Date.now() + PATIENCE; ; await new Promise((again) => setTimeout(again, 20))) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

const boxes = (...locators) => Promise.all(locators.map((locator) => locator.boundingBox()));

/** How light a colour is (WCAG 2, relative luminance). */
function luminance([red, green, blue]) {
  const linear = [red, green, blue].map((part) => part / 255).map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
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
async function outcome(browser, scenario) {
  const { run, url, colorScheme, viewport = WIDE, expected = /^$/, lost, opened = ready, keeps = true } = scenario;
  const options = { colorScheme, viewport };
  const context = await (keeps ? browser.newContext(options) : keepingNothing(options));
  context.setDefaultTimeout(PATIENCE);
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

/** A browser whose user has forbidden every page to store anything. */
async function keepingNothing(options) {
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  await mkdir(join(profile, "Default"), { recursive: true });
  await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
  return chromium.launchPersistentContext(profile, { ...options, executablePath, args });
}

// Chromium's sandbox does not work for root.
const args = [`--host-resolver-rules=MAP ${PLAIN} 127.0.0.1`, ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
const browser = await chromium.launch({ executablePath, args });
const outcomes = {};
for (const name of names) outcomes[name] = await outcome(browser, scenarios[name]);
await browser.close();
console.log(JSON.stringify(outcomes));
