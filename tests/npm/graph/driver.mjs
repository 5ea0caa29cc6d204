// What scenarios share: how they handle the page.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { eventually, scenario as declare, servers } from "../pages/driver.mjs";

export * from "../pages/driver.mjs";

export const graphOf = ({ url }) => url.replace(/graphql$/, "graph");
/** A scenario that begins with a link of this fragment, by default with no picture. */
export function scenario(name, run, { fragment = "", server = servers.open, ...options } = {}) {
  declare(name, run, { url: graphOf(server) + fragment, ...options });
}

export const ready = (page) => page.getByRole("heading", { level: 1 }).waitFor();
export const summary = (page) => page.locator(".graph-summary");
export const picture = (page) => page.getByRole("application", { name: "Picture of the graph" });
export const rows = (page) => page.getByRole("listbox", { name: "Objects" }).getByRole("option");
export const row = (page, text) => rows(page).filter({ hasText: text }).first();
export const inspector = (page) => page.getByRole("region", { name: "Selected object" });
export const chip = (page, name) => page.getByRole("region", { name: "Filters" }).getByLabel(name);

/** Wait until the picture holds so many objects, and is at rest. */
export async function holds(page, count) {
  await summary(page).getByText(new RegExp(`^${count} objects?(,|$)`)).waitFor();
  await rested(page);
}

export const rested = (page) => summary(page).getByText("Loading", { exact: true }).waitFor({ state: "detached" });

export async function begin(page, service) {
  await page.locator(".graph-lists").getByRole("button", { name: service, exact: true }).click();
  await row(page, service).waitFor();
  await rested(page);
}

/** The file that a button gives, as bytes. */
export async function download(page, name) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name, exact: true }).click()]);
  return { name: file.suggestedFilename(), bytes: await readFile(await file.path()) };
}

/** What is drawn, by the title of each object: where it is and the text of its shape; read from the SVG that the page makes. */
export async function drawn(page) {
  await rested(page);
  const { bytes } = await download(page, "SVG");
  return page.evaluate((text) => {
    const svg = new DOMParser().parseFromString(text, "image/svg+xml");
    const shapes = [...svg.querySelectorAll("g > title")].map((title) => {
      const shape = title.nextSibling;
      const points = (shape.getAttribute("points") ?? `${shape.getAttribute("cx")},${shape.getAttribute("cy")}`)
        .split(" ")
        .map((point) => point.split(",").map(Number));
      const middle = (axis) => {
        const values = points.map((point) => point[axis]);
        return (Math.min(...values) + Math.max(...values)) / 2;
      };
      return [title.textContent, { x: middle(0), y: middle(1), shape: shape.outerHTML }];
    });
    return Object.fromEntries(shapes);
  }, bytes.toString());
}

/** Where on the screen a place of the picture is, as the address tells. */
export async function onScreen(page, { x, y }) {
  const box = await picture(page).boundingBox();
  const at = await eventually(async () => {
    const [, text] = /at=([^&]+)/.exec(page.url()) ?? assert.fail("the address has no place");
    return text.split(",").map(Number);
  });
  const [middleX, middleY, zoom] = at;
  return { x: box.x + box.width / 2 + (x - middleX) * zoom, y: box.y + box.height / 2 + (y - middleY) * zoom };
}

/** Ask the API, as somebody else does. */
export async function asked({ url, key }, query, variables = {}) {
  const headers = { "content-type": "application/json", ...(key && { authorization: `Bearer ${key}` }) };
  const { data, errors } = await (
    await fetch(url, { method: "POST", headers, body: JSON.stringify({ query, variables }) })
  ).json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}
