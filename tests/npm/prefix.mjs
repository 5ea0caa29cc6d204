// The pages under a prefix: node prefix.mjs CHROMIUM URL PREFIX
//
// URL leads to GraphiQL, all of which must lie under PREFIX, as the graph must. Prints what GraphiQL answers to a query.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const [executablePath, url, prefix] = process.argv.slice(2);
// Chromium's sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage({ ignoreHTTPSErrors: true });
page.setDefaultTimeout(60_000);
const faults = [];
page.on("request", (request) => {
  const { protocol, pathname } = new URL(request.url());
  const isOurs = protocol.startsWith("http") && request.url() !== url;
  if (isOurs && !pathname.startsWith(prefix)) faults.push(request.url());
});
page.on("response", (response) => response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`));
page.on("console", (message) => message.type() === "error" && faults.push(message.text()));

await page.goto(url);
assert.equal(new URL(page.url()).pathname, `${prefix}graphql`);
await page.locator(".graphiql-query-editor .view-line").first().waitFor();
await page.getByRole("button", { name: /What is failing/ }).click();
const isAsked = (response) =>
  response.request().method() === "POST" && !response.request().postData().includes("IntrospectionQuery");
const [answer] = await Promise.all([
  page.waitForResponse(isAsked),
  page.getByRole("button", { name: "Run", exact: true }).click(),
]);
const { data } = await answer.json();
await page.getByRole("link", { name: "Graph", exact: true }).click();
await page.locator(".graph-lists").getByRole("button").first().waitFor();
assert.equal(new URL(page.url()).pathname, `${prefix}graph`);
await browser.close();
assert.deepEqual(faults, []);
console.log(JSON.stringify(data));
