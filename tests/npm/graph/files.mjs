// The files that the page gives.
import assert from "node:assert/strict";
import { download, row, rows, scenario } from "./driver.mjs";

const files = async (page) => {
  await row(page, "service").waitFor();
  const count = await rows(page).count();
  const svg = await download(page, "SVG");
  assert.equal(svg.name, "chittygraph.svg");
  const parsed = await page.evaluate((text) => {
    const found = new DOMParser().parseFromString(text, "image/svg+xml");
    const root = found.documentElement;
    return {
      errors: found.querySelectorAll("parsererror").length,
      size: [root.getAttribute("width"), root.getAttribute("height")].map(Number),
      shapes: found.querySelectorAll("g > title").length,
      lines: found.querySelectorAll("line").length,
    };
  }, svg.bytes.toString());
  assert.equal(parsed.errors, 0);
  assert.equal(parsed.shapes, count);
  assert(parsed.lines >= count - 1);

  const png = await download(page, "PNG");
  assert.equal(png.name, "chittygraph.png");
  assert.equal(png.bytes.subarray(1, 4).toString(), "PNG");
  const size = [png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)];
  assert.deepEqual(size, parsed.size.map((pixels) => 2 * pixels));
};
scenario("the picture is saved as SVG and as PNG", files, { fragment: "#start=service:chittychronicle" });

const within = async (page) => {
  await row(page, "service").waitFor();
  const { bytes } = await download(page, "SVG");
  const { labels, outside, layers } = await page.evaluate((text) => {
    document.body.innerHTML = text.slice(text.indexOf("<svg"));
    const svg = document.querySelector("svg");
    const { left, right, top, bottom } = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")];
    const boxes = texts.map((label) => [label.textContent, label.getBoundingClientRect()]);
    return {
      labels: new Set(boxes.map(([name]) => name)).size,
      outside: boxes.filter(([, box]) => box.left < left || box.right > right || box.top < top || box.bottom > bottom),
      layers: texts.map((label) => label.parentElement.getAttribute("fill")),
    };
  }, bytes.toString());
  assert(labels > 10, `${labels} labels`);
  assert.deepEqual(outside, []);
  assert.equal(layers.lastIndexOf("none"), layers.length / 2 - 1, "letters are drawn after all outlines of letters");
};
scenario("labels of a saved picture are within it, over their outlines", within, { fragment: "#start=service:ledger&depth=2" });
