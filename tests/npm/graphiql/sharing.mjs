// Links, commands and the schema: what leaves the page.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import {
  answered,
  button,
  eventually,
  insert,
  isAsked,
  operation,
  paste,
  pasteVariables,
  ready,
  scenario,
  servers,
  variables,
} from "./driver.mjs";

const TWO = `query First { viewer { capabilities } }

# It isn't "plain": $5 & \`more\`, 100 %
query Second($n: Int!) {
  contexts(first: $n, filter: { name: { contains: "o'" } }) { totalCount }
}
mutation Third { registerActor(input: { actorType: AI }) { errors { code } } }
`;
const copied = (page) => page.evaluate(() => navigator.clipboard.readText());

async function copies(page, name, notice) {
  await button(page, name).click();
  await page.getByText(notice).waitFor();
  return copied(page);
}

const linked = new URL(servers.open.url);
linked.search = new URLSearchParams({ query: TWO, variables: '{ "n": 3 }', operationName: "Second" });
const links = async (page) => {
  const asked = [];
  page.on("request", (request) => isAsked(request) && asked.push(request.postData()));
  await page.goto(servers.open.url);
  await ready(page);
  await paste(page, "query Mine { __typename }");
  await page.goto(linked.href);
  await ready(page);
  assert.deepEqual([await operation(page), await variables(page)], [TWO, '{ "n": 3 }']);
  await page.getByRole("tab", { name: "Mine" }).waitFor();
  const choice = page.getByLabel("Operation to run");
  await eventually(async () => assert.equal(await choice.inputValue(), "Second"));
  assert.equal(page.url(), servers.open.url);
  await page.reload(); // GraphiQL itself may not have stored the tab yet
  await ready(page);
  assert.equal(await operation(page), TWO);
  await button(page, "Show Documentation").click();
  await page.getByRole("link", { name: "Query" }).waitFor(); // the schema was read
  assert.deepEqual(asked, [], "it ran by itself");
  const copy = new URL(await copies(page, "Copy link", "Link copied"));
  assert.deepEqual(Object.fromEntries(copy.searchParams), Object.fromEntries(linked.searchParams));
  assert.equal(typeof (await answered(page)).contexts.totalCount, "number");
  await page.reload();
  await ready(page);
  assert.equal(await page.getByRole("tab", { name: "Second" }).count(), 1);
};
scenario("a link opens its operation beside one's own and runs nothing", links);

scenario("an operation that is too long for a link is not cut", async (page) => {
  await paste(page, `# ${"long ".repeat(8_000)}\n{ __typename }`);
  const before = await copied(page);
  assert.equal(await copies(page, "Copy link", "too long for a link"), before);
});

const runsInShell = async (page) => {
  await paste(page, TWO);
  await page.getByLabel("Operation to run").selectOption("Second");
  await pasteVariables(page, '{ // how many\n "n": 3, }');
  await page.getByRole("tab", { name: "Headers" }).click();
  await page.locator(".graphiql-editor-tool .monaco-editor").last().click();
  await insert(page, '{ "x-note": "it\'s mine", "authorization": "Bearer swordfish" }');
  const command = await copies(page, "Copy as curl", "Command copied");
  assert(!command.includes("swordfish"));
  assert.match(command, /-H "authorization: Bearer \$KEY"/);
  assert.match(command, /-H 'x-note: it'\\''s mine'/);
  const { stdout } = await promisify(execFile)("sh", ["-c", command.replace(/^curl/, "curl -s")]);
  assert.deepEqual(JSON.parse(stdout), { data: await answered(page) });
};
scenario("the copied command sends the same from a shell, without the credential", runsInShell);

const downloads = async (page) => {
  await button(page, "Show Documentation").click();
  const [download] = await Promise.all([page.waitForEvent("download"), button(page, "schema.graphql").click()]);
  assert.equal(download.suggestedFilename(), "schema.graphql");
  const served = await page.request.get(new URL("/schema.graphql", servers.open.url).href);
  assert.equal(await readFile(await download.path(), "utf8"), await served.text());
};
scenario("the schema is downloaded as it is served", downloads);
