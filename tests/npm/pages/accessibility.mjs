// How axe judges a page, and how the focus goes through it.
import assert from "node:assert/strict";
import { AxeBuilder } from "@axe-core/playwright";

export const EVERYTHING = (axe) => axe;
export const CONTRAST = (axe) => axe.withRules("color-contrast"); // what depends on the theme
export const STRUCTURE = (axe) => axe.disableRules("color-contrast");
export const PHONE = { viewport: { width: 390, height: 844 } };
const BRIEF = { resultTypes: ["violations"] }; // what passes is not wanted, and takes longest

/** Fails if axe finds something serious; `narrowed` leaves rules out. */
export async function judged(page, state, narrowed) {
  const { violations } = await narrowed(new AxeBuilder({ page }).options(BRIEF)).analyze();
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(
    grave.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]),
    [],
    state,
  );
}

export const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: element } = document;
    return element.getAttribute("aria-label") ?? element.textContent;
  });

export async function tabTo(page, name) {
  for (let times = 0; times < 40; times++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === name) return;
  }
  assert.fail(`Tab does not lead to ${name}`);
}
