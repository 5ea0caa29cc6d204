// Links: what they restore, and what they say of what they cannot.
import assert from "node:assert/strict";
import { begin, button, chip, drawn, eventually, holds, inspector, onScreen, row, rows, scenario, servers, summary } from "./driver.mjs";

const SOURCE = /(actor|context), /; // of a connection

const restores = async (page) => {
  await row(page, "service").waitFor();
  await row(page, "connection").click();
  await button(page, "Expand").click();
  await row(page, SOURCE).waitFor();
  await chip(page, /^Installations/).uncheck();
  await chip(page, /^Inactive/).uncheck();
  await row(page, SOURCE).click();
  await inspector(page).getByText("chittyId").waitFor();
  await page.getByLabel("Zoom out").click();
  const before = { rows: await rows(page).allInnerTexts(), drawn: await drawn(page) };
  await button(page, "Copy link").click();
  await page.getByText("Link copied").waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert(link.length < 2000, link);

  await page.goto("about:blank");
  await page.goto(link);
  await eventually(async () => assert.deepEqual(await rows(page).allInnerTexts(), before.rows));
  await inspector(page).getByText("chittyId").waitFor();
  assert.equal(await chip(page, /^Installations/).isChecked(), false);
  assert.deepEqual(await drawn(page), before.drawn);
  const at = (text) => /at=[^&]*/.exec(text)[0];
  await eventually(async () => assert.equal(at(page.url()), at(link)));
};
scenario("a copied link restores objects, places, filters, selection and section", restores, {
  fragment: "#start=service:chittychronicle",
});

const named = async (page) => {
  await holds(page, 2);
  await summary(page).getByText(/^1 object of the link does not exist, or you may not see it/).waitFor();
  await summary(page).getByText(/unknown or wrong: layout, nothing$/).waitFor();
  await row(page, "github").waitFor();
  await row(page, "harbour-labs").waitFor();
};
scenario("a link names objects by kind and key, and what it names in vain is told", named, {
  fragment: "#nodes=service:github,installation:41230517,service:none&layout=odd&nothing=x",
});

const follows = async (page) => {
  await holds(page, 1);
  await page.evaluate(() => (window.location.hash = "#nodes=service:github,service:stripe"));
  await holds(page, 2);
};
scenario("a link that is opened in the same window replaces the picture", follows, { fragment: "#nodes=service:github" });

const moved = async (page) => {
  await row(page, "service").waitFor();
  const before = await drawn(page);
  const name = Object.keys(before).find((each) => each.includes("connection"));
  const { x, y } = await onScreen(page, before[name]);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 60, y - 45, { steps: 4 });
  await page.mouse.up();
  await eventually(async () => assert.match(page.url(), /moved=[^&]+/));
  const after = await drawn(page);
  assert.notDeepEqual(after[name], before[name]);

  await page.reload();
  await row(page, "service").waitFor();
  await eventually(async () => assert.deepEqual(await drawn(page), after));
  await button(page, "Lay out anew").click();
  await eventually(async () => assert.deepEqual(await drawn(page), before));
  await eventually(async () => assert.doesNotMatch(page.url(), /moved=/));
};
scenario("a link keeps where objects were dragged, until everything is laid out anew", moved, {
  fragment: "#start=service:chittychronicle",
});

const goesBack = async (page) => {
  await begin(page, "jira");
  await eventually(async () => assert.match(page.url(), /start=/));
  const before = await rows(page).allInnerTexts();
  await button(page, "New picture").click();
  await eventually(async () => assert.doesNotMatch(page.url(), /#./));
  await begin(page, "github");
  await eventually(async () => assert.match(page.url(), /start=/));
  await page.goBack();
  await eventually(async () => assert.deepEqual(await rows(page).allInnerTexts(), before));
};
scenario("the browser's Back leads to the picture before", goesBack);

const vain = async (page) => {
  const notice = summary(page).getByText(/1 object of the link does not exist.*path \(needs 2 objects\)$/);
  await notice.waitFor();
  await page.evaluate(() => (window.location.hash = ""));
  await notice.waitFor({ state: "detached" });
  await page.getByRole("heading", { name: "Where shall the picture begin?" }).waitFor();
};
scenario("what is said of a link goes with the link", vain, { fragment: "#nodes=service:none&path=service:github" });

const long = async (page) => {
  await holds(page, 1);
  await summary(page).getByText(/^The link is longer than 30,000 characters: what lies beyond is left out$/).waitFor();
};
scenario("a link that is too long says so", long, { fragment: `#nodes=service:github&select=${"a".repeat(30_000)}` });

scenario("a link whose value is refused says why", async (page) => {
  await page.getByRole("alert").getByText(/BigInt/).waitFor();
}, { fragment: "#nodes=installation:x", expected: /status of 400/ });
