// The page by keyboard, and as axe judges it in both themes and on a phone.
import assert from "node:assert/strict";
import { CONTRAST, EVERYTHING, focused, judged, PHONE, STRUCTURE, tabTo } from "../pages/accessibility.mjs";
import { answered, button, eventually, operation, paste, scenario, servers } from "./driver.mjs";
import { needed, unlock } from "./credentials.mjs";

const PANELS = ["Documentation", "Query builder", "Examples", "History"];
const DIALOGS = ["Keyboard shortcuts", "Settings"];

const holds = (narrowed) => async (page) => {
  const judge = (state) => judged(page, state, narrowed);
  await judge("at first");
  await answered(page);
  await judge("with a response");
  await button(page, "Table").click();
  await page.locator(".chitty-table summary").first().click();
  await judge("with tables");
  await page.getByRole("tab", { name: "Variables" }).click();
  await button(page, "New tab").click();
  await judge("with tabs and variables");
  await paste(page, "subscription { changes { at } }");
  await button(page, "Run").click();
  await page.locator(".chitty-status").getByText("Listening").waitFor();
  await judge("while a subscription goes on");
  await button(page, "Stop").click();
  await page.getByRole("tab", { name: "WhoOwnsWhat" }).click();
  for (const panel of PANELS) {
    const show = button(page, `Show ${panel}`);
    if (await show.count()) await show.click();
    await page.locator(".graphiql-plugin").getByRole("heading").first().waitFor();
    if (panel === "Documentation") await page.getByRole("link", { name: "Context", exact: true }).click();
    if (panel === "Query builder") await page.getByRole("checkbox", { name: "contexts" }).first().waitFor();
    await judge(panel);
  }
  for (const dialog of DIALOGS) {
    await button(page, dialog).click();
    await page.getByRole("dialog").getByRole("heading", { name: dialog }).waitFor();
    await judge(dialog);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
};
scenario("axe finds nothing serious in the light", holds(EVERYTHING));
scenario("axe finds nothing serious in the dark", holds(CONTRAST), { colorScheme: "dark" });
scenario("axe finds nothing serious on a phone", holds(STRUCTURE), PHONE);

const asks = (narrowed) => async (page) => {
  await needed(page);
  await judged(page, "asking for a credential", narrowed);
  await unlock(page, servers.untold);
  await button(page, "Show Documentation").click();
  await page.locator(".chitty-reason").waitFor();
  await judged(page, "without a schema", narrowed);
};
const UNTOLD = { ...servers.untold, expected: /status of 40[01]/ };
scenario("axe finds nothing serious where a credential is needed, in the light", asks(EVERYTHING), UNTOLD);
scenario("axe finds nothing serious where a credential is needed, in the dark", asks(CONTRAST), { ...UNTOLD, colorScheme: "dark" });

const worksByKeyboard = async (page) => {
  await page.locator("body").click({ position: { x: 2, y: 2 } });
  await tabTo(page, "New tab");
  await page.keyboard.press("Enter");
  await eventually(async () => assert.equal(await page.getByRole("tab", { name: "Untitled" }).count(), 1));
  await tabTo(page, "Operation editor");
  await page.keyboard.press("Enter");
  await page.keyboard.insertText("query Keys { contexts(first: 1) { nodes { name } } }");
  await eventually(async () => assert.match(await operation(page), /Keys/));
  assert((await answered(page, () => page.keyboard.press("ControlOrMeta+Enter"))).contexts);
  await eventually(async () => {
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "Operation editor");
  });
  await tabTo(page, "Table");
  await page.keyboard.press("Enter");
  await page.getByRole("table").waitFor();
  assert((await answered(page, () => page.keyboard.press("ControlOrMeta+Enter"))).contexts);
  await page.getByRole("tab", { name: "Keys" }).focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("tab", { name: "WhoOwnsWhat", selected: true }).waitFor();
  await page.keyboard.press("End");
  await page.getByRole("tab", { name: "Keys", selected: true }).waitFor();
  await eventually(async () => assert.equal(await focused(page), "Keys×"));
  await page.keyboard.press("Delete");
  await eventually(async () => assert.equal(await page.getByRole("tab", { name: "Keys" }).count(), 0));
  assert.match(await operation(page), /WhoOwnsWhat/);
};
scenario("everything works by keyboard: tabs, editor, running, views", worksByKeyboard);

scenario("how a request went is told to screen readers, and the response is not read out", async (page) => {
  await paste(page, "{ __typename }");
  await answered(page);
  await page.getByRole("status").getByText("200").waitFor();
  const loud = await page.locator('[aria-live="polite"], [aria-live="assertive"]').all();
  for (const each of loud) assert(!(await each.innerText()).includes("__typename"));
});
