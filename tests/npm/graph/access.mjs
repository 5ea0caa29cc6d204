// Credentials, and what is told of refusals.
import assert from "node:assert/strict";
import { begin, eventually, holds, row, scenario, servers, summary } from "./driver.mjs";

const field = (page) => page.getByLabel("Credential");
const ASKING = { expected: /status of 401/ };

async function give(page, { key }) {
  await page.getByRole("alert").getByText("A credential is needed").waitFor();
  await field(page).fill(key);
  await field(page).press("Enter");
}

const unlocks = async (page) => {
  const { untold } = servers;
  await give(page, { key: "wrong" });
  await page.getByRole("alert").getByText("The credential was refused").waitFor();
  await field(page).fill(untold.key);
  await field(page).press("Enter");
  await page.getByRole("alert").getByText("credential").first().waitFor({ state: "detached" });
  await page.locator(".graph-lists").getByText("Actors").waitFor();
  await page.locator(".graph-lists").getByRole("listitem").first().getByRole("button").click();
  await holds(page, 1);
  await summary(page).getByText("Live").waitFor();
  const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie, location.href]));
  assert(!stored.includes(untold.key), stored);
};
scenario("a credential is asked for where one is needed, and kept nowhere", unlocks, { server: servers.untold, ...ASKING });

const restores = async (page) => {
  await give(page, servers.untold);
  await summary(page).getByText(/1 object of the link does not exist/).waitFor();
};
scenario("a link is restored once the credential is given", restores, {
  server: servers.untold,
  fragment: "#nodes=service:none",
  ...ASKING,
});

const empty = async (page) => {
  await page.getByText("There is nothing to show: the registry is empty, or you may see nothing of it.").waitFor();
  assert.equal(await page.locator(".graph-lists").count(), 0);
};
if (servers.empty) {
  scenario("where there is nothing to show the page says so", empty, { server: servers.empty });
}

const lost = async (page) => {
  await begin(page, "github");
  let asked = 0;
  await page.route("**/graphql", (route) => ((asked += 1), route.abort()));
  await row(page, "connection").click();
  await page.getByRole("button", { name: "Expand", exact: true }).click();
  const alert = page.locator(".graph-alert");
  await alert.getByText("The server cannot be reached: does it run?").waitFor();
  const before = asked;
  await alert.getByRole("button", { name: "Try again" }).click();
  await eventually(async () => assert(asked > before));
  await page.unroute("**/graphql");
  await row(page, /(actor|context), /).waitFor();
  await alert.waitFor({ state: "detached" });
  await eventually(async () => assert.match(page.url(), /expand=/));
};
scenario("what could not be loaded is told, and loaded once the server can be reached", lost, { expected: /ERR_FAILED/ });

const unreached = async (page) => {
  await page.getByRole("alert").getByText("The server cannot be reached: does it run?").waitFor();
  await page.unroute("**/graphql");
  await page.locator(".graph-lists").getByText("Actors").waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
};
scenario("where a picture may begin is shown once the server can be reached", unreached, {
  lost: "**/graphql",
  expected: /ERR_FAILED/,
});

const back = async (page) => {
  const lost = { streams: true, queries: false };
  await page.route("**/graphql", (route) => {
    const isStream = route.request().headers().accept.includes("text/event-stream");
    if (isStream && lost.streams) return route.fulfill({ contentType: "text/event-stream", body: ": ends\n\n" });
    return lost.queries ? route.abort() : route.continue();
  });
  await begin(page, "github");
  await summary(page).getByText("Reconnecting").waitFor();
  lost.queries = true;
  await row(page, "connection").click();
  await page.getByRole("button", { name: "Expand", exact: true }).click();
  const alert = page.locator(".graph-alert");
  await alert.getByText("The server cannot be reached: does it run?").waitFor();
  Object.assign(lost, { streams: false, queries: false });
  await alert.waitFor({ state: "detached" });
  await row(page, /(actor|context), /).waitFor();
  await summary(page).getByText("Live").waitFor();
};
scenario("what could not be loaded is loaded once the server is back", back, { expected: /ERR_FAILED/ });
