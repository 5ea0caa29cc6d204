// The field for a credential, and what it opens.
import assert from "node:assert/strict";
import { answered, button, eventually, isAsked, response, scenario, servers, write } from "./driver.mjs";

export const ASKING = { expected: /status of 401/ };
export const field = (page) => page.getByLabel("Credential");
const { told, untold, impatient } = servers;
const alert = (page, text) => page.getByRole("alert").getByText(text);

async function give(page, credential) {
  await field(page).fill(credential);
  await field(page).press("Enter");
}

export const needed = (page) => alert(page, "A credential is needed").waitFor();

export async function unlock(page, { key }) {
  await needed(page);
  await give(page, key);
  await alert(page, "credential").waitFor({ state: "detached" });
}

async function asksWhoItIs(page) {
  await write(page, "{ viewer { capabilities ");
  assert.deepEqual(await answered(page), { viewer: { capabilities: ["admin"] } });
}

scenario("where nothing asks for a credential there is no field for one", async (page) => {
  await answered(page);
  await button(page, "Show Documentation").click();
  await page.getByRole("link", { name: "Query" }).waitFor();
  assert.equal(await field(page).count(), 0);
});

const unlocks = async (page) => {
  await needed(page);
  await eventually(async () => assert(await field(page).evaluate((element) => element === document.activeElement)));
  await give(page, "another");
  await alert(page, "The credential was refused").waitFor();
  await give(page, told.key);
  await alert(page, "credential").waitFor({ state: "detached" });
  await button(page, "Show Documentation").click();
  await page.locator(".graphiql-doc-explorer").getByRole("link", { name: "Query" }).waitFor();
  await eventually(async () => assert.equal(await response(page), ""));
  await asksWhoItIs(page);
  await page.locator(".chitty-status").getByText(/left$/).waitFor();
  const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  assert(!stored.includes(told.key), stored);
};
scenario("a credential is asked for where one is needed, sent, and not stored", unlocks, { ...told, ...ASKING });

const saysItOnce = async (page) => {
  let asked = 0;
  page.on("request", (request) => (asked += request.method() === "POST" && !isAsked(request)));
  await unlock(page, untold);
  await eventually(async () => assert.match(await response(page), /CHITTYGRAPH_INTROSPECTION=true/));
  assert.equal((await response(page)).match(/"message"/g)?.length, 1);
  assert.equal(asked, 1);
  for (const panel of ["Documentation", "Query builder"]) {
    await button(page, `Show ${panel}`).click();
    const reason = page.locator(".chitty-reason");
    await reason.getByText(/The schema could not be read: .*CHITTYGRAPH_INTROSPECTION=true/).waitFor();
  }
  await asksWhoItIs(page);
};
scenario("where the schema is not told that is said once, in the panels too, and all else works", saysItOnce, {
  ...untold,
  expected: /status of 40[01]/,
});

const waits = async (page) => {
  await needed(page);
  await give(page, "one");
  await alert(page, "The credential was refused").waitFor();
  await give(page, "another");
  await alert(page, "Too many requests").waitFor();
};
scenario("who has tried too often is told to wait, and not taken for somebody", waits, {
  ...impatient,
  expected: /status of (401|429)/,
});
