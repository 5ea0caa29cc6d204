// The pictures of the README and the docs: node pictures.mjs CHROMIUM URL FOLDER
//
// URL is that of a server with the demo. Each picture is written to FOLDER, as WebP.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [executablePath, url, folder] = process.argv.slice(2);
const PATIENCE = 60_000; // milliseconds: a busy machine may take long
const QUALITY = 85;

const pictures = {
  graphiql: {
    path: "/graphql",
    viewport: { width: 1280, height: 720 },
    async show(page) {
      await page.locator(".graphiql-query-editor .view-line").first().waitFor();
      await page.getByRole("button", { name: "Run", exact: true }).click();
      await page.locator(".chitty-status").getByText("200", { exact: true }).waitFor();
      await page.locator(".graphiql-response").getByText('"zephyr-docs"').first().waitFor();
    },
  },
};

// Chromium's sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args });
for (const [name, { path, viewport, deviceScaleFactor = 1, show }] of Object.entries(pictures)) {
  const context = await browser.newContext({ colorScheme: "light", deviceScaleFactor, reducedMotion: "reduce", viewport });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.goto(`${url}${path}`);
  await show(page);
  const session = await context.newCDPSession(page); // playwright itself makes no WebP
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: QUALITY });
  await writeFile(join(folder, `${name}.webp`), Buffer.from(data, "base64"));
  await context.close();
}
await browser.close();
