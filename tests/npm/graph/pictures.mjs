// What a picture shows, and how it grows.
import assert from "node:assert/strict";
import { asked, begin, button, chip, download, drawn, eventually, holds, inspector, onScreen, picture, row, rows, scenario, servers, summary } from "./driver.mjs";

const SOURCE = /(actor|context), /; // of a connection
const SMALL = "#start=service:chittychronicle";

scenario("a picture begins at a service and grows where it is expanded, and what is there stays still", async (page) => {
  await begin(page, "jira");
  const before = await drawn(page);
  assert(Object.keys(before).includes("jira: service"));

  await row(page, SOURCE).click();
  await inspector(page).getByText("chittyId").waitFor();
  await button(page, "Expand").click();
  await button(page, "Expanded").waitFor();
  const after = await drawn(page);

  assert(Object.keys(after).length > Object.keys(before).length);
  for (const [name, { x, y }] of Object.entries(before)) assert.deepEqual([after[name].x, after[name].y], [x, y], name);
});

const failing = async (page) => {
  const { connections } = await asked(servers.open, "{ connections(filter: { status: { eq: FAILED } }) { totalCount } }");
  const { totalCount } = connections;
  await button(page, /^Show what fails/).click();
  await summary(page).getByText(`${totalCount} failing`).waitFor();
  assert.match(await rows(page).first().innerText(), /connection, .*failed/);
  await row(page, "hangs on a failing connection").waitFor();
  const looks = await drawn(page);
  const failed = Object.entries(looks).filter(([name]) => /, failed\b/.test(name));
  const service = Object.entries(looks).find(([name]) => name === "github: service")[1];
  assert(failed.length > 0);
  const [red] = /fill="[^"]*"/.exec(failed[0][1].shape);
  for (const [, { shape }] of failed) assert(shape.includes(red) && shape.split(" ").length > 8, shape); // an octagon
  assert(service.shape.includes(red.replace("fill", "stroke")), "what hangs on it is outlined");
};
scenario("failing connections and what hangs on them stand out, in colour, shape and words", failing);

const filters = async (page) => {
  await row(page, "service").waitFor();
  const all = await rows(page).count();
  await chip(page, /^Services/).uncheck();
  await eventually(async () => assert.equal(await rows(page).count(), all - 1));
  await summary(page).getByText(`${all - 1} shown`).waitFor();
  await chip(page, /^Services/).check();
  await chip(page, /^Active/).uncheck();
  await eventually(async () => {
    for (const text of await rows(page).allInnerTexts()) assert.doesNotMatch(text, /, active/);
  });
  await chip(page, /^Active/).check();
  await chip(page, /^Failing only/).check();
  await eventually(async () => {
    for (const text of await rows(page).allInnerTexts()) assert.match(text, /failed|hangs on a failing/);
  });
  await chip(page, /^Failing only/).uncheck();
  await page.getByPlaceholder("Filter by name").fill("chittychr");
  await eventually(async () => assert((await rows(page).allInnerTexts()).every((text) => text.includes("chittychr"))));
};
scenario("kinds, statuses and failing objects can be filtered, and the list by name", filters, { fragment: SMALL });

const search = async (page) => {
  const field = page.getByRole("combobox", { name: "Search" });
  await field.fill("hiro tak");
  const found = page.getByRole("listbox", { name: "What was found" }).getByRole("option");
  await found.filter({ hasText: "actor, human" }).waitFor();
  const selected = page.locator('.graph-found [aria-selected="true"]');
  while (!/actor, human/.test(await selected.innerText())) await field.press("ArrowDown");
  await field.press("Enter");
  await inspector(page).getByRole("heading", { name: "Hiro Takamine" }).waitFor();
  await inspector(page).getByText("actorType").waitFor();
  await row(page, "Hiro Takamine").waitFor();
  await field.fill("zzzz");
  await page.getByText("Nothing was found").waitFor();
};
scenario("a search finds where a picture begins", search);

/** Two services, and how many steps are between them. */
async function ends() {
  const names = ["github", "google-calendar"];
  const { services } = await asked(servers.open, `{ services(filter: { in: ${JSON.stringify(names)} }) { nodes { id name } } }`);
  const [from, to] = services.nodes;
  const variables = { from: from.id, to: to.id };
  const query = "query($from: ID!, $to: ID!) { shortestPath(from: $from, to: $to, maxDepth: 20) { relation } }";
  return { from, to, steps: (await asked(servers.open, query, variables)).shortestPath.length };
}

const path = async (page) => {
  const { from, to, steps } = await ends();
  await begin(page, from.name);
  await row(page, new RegExp(`^${from.name}\\s*service`)).click();
  await button(page, "Path from here").click();
  await page.getByText(/^A path from/).waitFor();
  const field = page.getByRole("combobox", { name: "Search" });
  await field.fill(to.name);
  await page.getByRole("listbox", { name: "What was found" }).getByRole("option").first().getByText(to.name).waitFor();
  await field.press("Enter");
  await inspector(page).getByRole("heading", { name: to.name }).waitFor();
  await button(page, "Path to here").click();
  await page.getByRole("heading", { name: `Path of ${steps} steps` }).waitFor();
  const stations = page.getByRole("region", { name: "Path" }).getByRole("listitem");
  assert.equal(await stations.count(), steps + 1);
  assert.match(await stations.first().innerText(), new RegExp(from.name));
  await eventually(async () => assert.match(page.url(), /path=/));
  await button(page, "Close the path").click();
  await page.getByRole("region", { name: "Path" }).waitFor({ state: "detached" });
};
scenario("a shortest path between two objects is shown in the picture and step by step", path);

const touches = async (page) => {
  await row(page, "service").waitFor();
  const places = await drawn(page);
  const name = Object.keys(places).find((each) => each.includes("connection"));
  const { x, y } = await onScreen(page, places[name]);
  await page.mouse.click(x, y);
  await inspector(page).getByText("connectionId").waitFor();
  const before = await rows(page).count();
  await page.mouse.dblclick(x, y);
  await eventually(async () => assert((await rows(page).count()) > before));

  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 40, y + 30, { steps: 4 });
  await page.mouse.up();
  const moved = await drawn(page);
  assert.notEqual(moved[name].x, places[name].x);
  const others = Object.keys(places).filter((each) => each !== name);
  for (const each of others) assert.equal(moved[each].x, places[each].x, each);

  const box = await picture(page).boundingBox();
  await page.mouse.click(box.x + 5, box.y + 5);
  await inspector(page).waitFor({ state: "detached" });
};
scenario("objects in the picture are selected, expanded and moved with the mouse", touches, { fragment: SMALL });

const layouts = async (page) => {
  await row(page, "service").waitFor();
  const layout = page.getByLabel("Layout");
  const seen = [await drawn(page)];
  for (const [value, name] of [["columns", "Columns"], ["rings", "Rings"], ["force", "Clusters"]]) {
    await layout.selectOption({ label: name });
    await eventually(async () => {
      assert.match(page.url(), value === "force" ? /^(?!.*layout=)/ : new RegExp(`layout=${value}`));
      assert.notDeepEqual(await drawn(page), seen.at(-1));
    });
    seen.push(await drawn(page));
  }
  assert.deepEqual(seen[3], seen[0], "the same layout of the same objects is the same");
  const columns = Object.entries(seen[1]).filter(([name]) => name.includes("connection"));
  assert.equal(new Set(columns.map(([, { x }]) => x)).size, 1);
};
scenario("layouts arrange everything anew, always alike", layouts, { fragment: SMALL });

const labels = async (page) => {
  await row(page, "service").waitFor();
  const texts = async () => (await download(page, "SVG")).bytes.toString().match(/<text[^>]*>[^<]*/g).map((text) => text.replace(/.*>/, ""));
  const sources = (await rows(page).allInnerTexts()).flatMap((text) => /^(.*) → chittychronicle/.exec(text)?.slice(1) ?? []);
  assert(sources.length > 5);
  const before = await texts();
  for (const source of sources) assert(before.includes(source), `${source} is no label`);
  await chip(page, /^Services/).uncheck();
  await row(page, /^chittychronicle/).waitFor({ state: "detached" });
  await rows(page).first().click();
  await button(page, "Expand").click();
  await row(page, SOURCE).click(); // what is selected has its whole name
  await inspector(page).getByText("chittyId").waitFor();
  assert((await texts()).includes("→ chittychronicle"), "its service is not shown");
};
scenario("a connection has a label that says which of its ends the picture does not show", labels, { fragment: SMALL });

const removes = async (page) => {
  await row(page, "service").waitFor();
  const all = await rows(page).count();
  await rows(page).first().click();
  await button(page, "Remove").click();
  await holds(page, all - 1);
  await eventually(async () => assert.match(page.url(), /without=/));
  await page.reload();
  await holds(page, all - 1);
  await button(page, "New picture").click();
  await page.getByRole("heading", { name: "Where shall the picture begin?" }).waitFor();
  await eventually(async () => assert.doesNotMatch(page.url(), /#./));
};
scenario("objects are removed, also for a reload, and a new picture begins with nothing", removes, { fragment: SMALL });

const opens = async (page) => {
  await row(page, "service").click();
  await inspector(page).getByText("stats").waitFor();
  await page.getByRole("link", { name: "Open this query in GraphiQL" }).click();
  await page.locator(".graphiql-query-editor .view-line").first().waitFor();
  await button(page, "Run").click();
  await page.locator(".graphiql-response .view-line").getByText("chittychronicle").first().waitFor();
  await page.getByRole("link", { name: "Graph", exact: true }).click();
  await page.getByRole("heading", { name: "Where shall the picture begin?" }).waitFor();
};
scenario("the query of what is inspected opens in GraphiQL and runs there, and a link leads back", opens, { fragment: SMALL });
