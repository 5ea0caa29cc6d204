// The page by keyboard, and as axe judges it in both themes and on a phone.
import assert from "node:assert/strict";
import { CONTRAST, EVERYTHING, focused, judged, PHONE, STRUCTURE, tabTo } from "../pages/accessibility.mjs";
import { boxes, button, drawn, eventually, inspector, onScreen, rested, row, rows, scenario, summary } from "./driver.mjs";

const holds = (narrowed) => async (page) => {
  await page.locator(".graph-lists").getByRole("button").first().waitFor();
  await judged(page, "at first", narrowed);
  await button(page, /^Show what fails/).click();
  await row(page, "hangs on a failing connection").click();
  await inspector(page).getByRole("term").first().waitFor();
  await button(page, "Path from here").click();
  await judged(page, "with a picture", narrowed);
  await page.getByRole("combobox", { name: "Search" }).fill("git");
  await page.locator(".graph-found").getByText(/found$|write more/).waitFor();
  await judged(page, "with what a search found", narrowed);
  await page.keyboard.press("Escape");
  await button(page, "Settings").click();
  await page.getByRole("dialog").waitFor();
  await judged(page, "with a dialog", narrowed);
};
scenario("axe finds nothing serious in the graph in the light", holds(EVERYTHING));
scenario("axe finds nothing serious in the graph in the dark", holds(CONTRAST), { colorScheme: "dark" });
scenario("axe finds nothing serious in the graph on a phone", holds(STRUCTURE), PHONE);

const keyboard = async (page) => {
  await page.locator("body").click({ position: { x: 2, y: 2 } });
  await page.getByRole("button", { name: "jira", exact: true }).waitFor();
  await page.getByLabel("Show what lies within").focus();
  await page.keyboard.press("ArrowUp");
  await eventually(async () => assert.equal(await page.getByLabel("Show what lies within").inputValue(), "1"));
  await tabTo(page, "jira");
  await page.keyboard.press("Enter");
  await inspector(page).getByRole("heading", { name: "jira" }).waitFor(); // what is there has its places then
  await rested(page);
  assert.equal(await focused(page), "Picture of the graph");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  await inspector(page).getByText("connectionId").waitFor();
  const before = await rows(page).count();
  await page.keyboard.press("Enter");
  await eventually(async () => assert((await rows(page).count()) > before));
  for (const key of ["+", "Shift+ArrowLeft", "-", "0"]) {
    const { hash } = new URL(page.url());
    // The address follows a moment later: what it has now may be of a key before, and what comes be the same again.
    await eventually(async () => {
      await page.keyboard.press(key);
      await page.waitForFunction((before) => location.hash !== before, hash, { timeout: 2_000 });
    });
  }
  await page.keyboard.press("Delete");
  await summary(page).getByText(/removed$/).waitFor();
  await tabTo(page, "Objects");
  await page.keyboard.press("End");
  await page.keyboard.press("Home");
  await eventually(async () => assert.equal(await rows(page).first().getAttribute("aria-selected"), "true"));
  assert.equal(await focused(page), "Objects");
};
scenario("the graph works by keyboard: start, picture, list", keyboard);

const fits = async (page) => {
  await row(page, "service").waitFor();
  const { width, inner } = await page.evaluate(() => ({ width: document.documentElement.scrollWidth, inner: innerWidth }));
  assert(width <= inner, `${width} > ${inner}`);
  const box = await page.locator(".graph-canvas").boundingBox();
  assert(box.width > 350 && box.height > 250, JSON.stringify(box));
};
scenario("the picture and the list fit a phone", fits, { ...PHONE, fragment: "#start=service:chittychronicle" });

const sideways = async (page) => {
  await row(page, "service").waitFor();
  const [stage, list] = await boxes(page.locator(".graph-canvas"), page.locator(".graph-side"));
  assert(stage.height > 200 && stage.width > 400, JSON.stringify(stage));
  assert(list.x >= stage.x + stage.width, JSON.stringify(list));
  const places = Object.values(await drawn(page));
  const [left, right] = [Math.min, Math.max].map((most) => most(...places.map(({ x }) => x)));
  const { x: first } = await onScreen(page, { x: left, y: 0 });
  const { x: last } = await onScreen(page, { x: right, y: 0 });
  assert(last - first > stage.height / 2, "what is small is not shown smaller than it needs to be");
};
scenario("the picture and the list are side by side on a phone held sideways", sideways, {
  viewport: { width: 844, height: 390 },
  fragment: "#start=service:ledger",
});

const kept = async (page) => {
  await row(page, "connection").click();
  for (const name of ["Expand", "Path from here", "Remove"]) {
    await button(page, name).focus();
    await page.keyboard.press("Enter");
    await eventually(async () => assert.equal(await focused(page), "Picture of the graph", name));
  }
};
scenario("the focus goes to the picture when a button that had it has done its work", kept, {
  fragment: "#start=service:chittychronicle",
});
