// The pages of examples/ in a real browser: node examples.mjs CHROMIUM URL SCENARIO [ARGUMENT]
//
// Prints what the scenario found wrong, as a JSON string, or null. With the variable SCREENSHOT it also writes
// how the page looks at the end to that file.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [executablePath, url, name, argument] = process.argv.slice(2);
const PATIENCE = 60_000; // milliseconds: a busy machine may take long, and only a fault waits for all of it
const scenarios = { contexts, signIn, installations };
const faults = [];

async function contexts(page) {
  const rows = page.locator("tbody tr:not(.more)");
  await page.getByText("108 in all").waitFor();
  assert.equal(await rows.count(), 10);
  await page.getByRole("button", { name: "Load more" }).click();
  await eventually(async () => assert.equal(await rows.count(), 20));

  // A new name is shown before the server has answered, and the old one again when it refuses.
  const answers = await held(page);
  await rename(page, "atlas-api", "atlas-docs");
  await page.getByText("atlas-docs", { exact: true }).nth(1).waitFor();
  answers.release();
  await page.getByRole("alert").getByText("ALREADY_EXISTS").waitFor();
  await eventually(async () => assert.equal(await page.getByText("atlas-docs", { exact: true }).count(), 1));
  const box = page.getByRole("textbox", { name: "New name" });
  assert.equal(await box.inputValue(), "atlas-docs");
  await box.fill("atlas-renamed");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Rename atlas-renamed" }).waitFor();

  const form = page.getByRole("form", { name: "New context" });
  await form.getByLabel("Tools").fill("vale vale");
  await form.getByRole("button", { name: "Create" }).click();
  await form.getByText("has 0 characters").waitFor();
  await form.getByText("item 2 repeats item 1").waitFor();
  await form.getByLabel("Name").fill("abacus");
  await form.getByLabel("Tools").fill("vale, ruff");
  await form.getByRole("button", { name: "Create" }).click();
  await form.getByText("Created abacus.").waitFor();
  await page.getByText("109 in all").waitFor();
  await page.getByRole("cell", { name: "abacus", exact: true }).waitFor();

  await page.getByLabel("Name contains").fill("renamed");
  await page.getByText("1 in all").waitFor();
  await eventually(async () => assert.equal(await rows.count(), 1));
}

/** In protected mode: first without a credential, then with the argument as somebody's token. */
async function signIn(page, token) {
  await page.getByText("Please sign in.").first().waitFor();
  await page.evaluate((token) => sessionStorage.setItem("token", token), token);
  await page.reload();
  await page.getByText("0 in all").waitFor();
}

async function installations(page) {
  const names = page.getByRole("navigation", { name: "Installations" }).locator("[aria-pressed]");
  await names.first().waitFor();
  assert.equal(await names.count(), 8);
  await page.getByRole("button", { name: "More installations" }).click();
  await eventually(async () => assert((await names.count()) > 8));

  const rows = page.getByRole("region", { name: "Connections" }).getByRole("listitem");
  await names.first().click();
  await rows.first().waitFor();
  assert.equal(await rows.count(), 5);
  await page.getByRole("button", { name: "More connections" }).click();
  await eventually(async () => assert.equal(await rows.count(), 8));

  const open = rows.filter({ hasText: "paragon-api" });
  const answers = await held(page);
  await open.getByRole("button", { name: "Disconnect" }).click();
  await open.getByText("disconnected").waitFor(); // before the server has answered
  await Promise.all([page.waitForResponse(/graphql/), answers.release()]);
  await open.getByRole("button", { name: "Reconnect" }).click();
  await open.getByText("active", { exact: true }).waitFor();

  // What the server refuses is taken back, and the page says why.
  const closed = rows.filter({ hasText: "driftwood-docs" });
  await closed.getByRole("button", { name: "Reconnect" }).click();
  await closed.getByRole("alert").getByText("is deleted").waitFor();
  await closed.getByText("disconnected", { exact: true }).waitFor();
}

async function rename(page, from, to) {
  await page.getByRole("button", { name: `Rename ${from}` }).click();
  await page.getByRole("textbox", { name: "New name" }).fill(to);
  await page.getByRole("button", { name: "Save" }).click();
}

/** Keep the next requests from the server until they are released. */
async function held(page) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route("**/graphql", async (route) => {
    await released;
    await route.continue();
  });
  return { release };
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

const args = process.getuid() === 0 ? ["--no-sandbox"] : []; // Chromium's sandbox does not work for root
const browser = await chromium.launch({ executablePath, args });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
context.setDefaultTimeout(PATIENCE);
context.on("console", (message) => {
  const isFault = message.type() === "error" && !message.text().includes("status of 401");
  if (isFault) faults.push(`console: ${message.text()}`);
});
context.on("weberror", (error) => faults.push(`uncaught: ${error.error()}`));
const shown = await context.newPage();
try {
  await shown.goto(url);
  await scenarios[name](shown, argument);
} catch (error) {
  faults.push(error.stack);
}
if (process.env.SCREENSHOT) await shown.screenshot({ path: process.env.SCREENSHOT, fullPage: true });
await browser.close();
console.log(JSON.stringify(faults.length ? faults.join("\n") : null));
