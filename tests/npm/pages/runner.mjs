// Runs scenarios in a real browser, for the main.mjs of each page.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { PATIENCE, PLAIN, scenarios } from "./driver.mjs";

const [executablePath, profile] = process.argv.slice(2);
const names = JSON.parse(process.argv[5]);
const WIDE = { width: 1400, height: 900 };

/** What went wrong in a page of its own, or null: with the page, or with where it reached. */
async function outcome(context, { run, url, viewport = WIDE, colorScheme = "light", expected = /^$/, lost, opened }) {
  const faults = [];
  const page = await context.newPage();
  const { origin } = new URL(url);
  page.on("request", (request) => {
    if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin) {
      faults.push(`off the origin: ${request.url()}`);
    }
  });
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !expected.test(text)) faults.push(`console: ${text}`);
  });
  page.on("pageerror", (error) => faults.push(`uncaught: ${error}`));
  await page.exposeFunction("reportViolation", (what) => faults.push(`policy: ${what}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      globalThis.reportViolation(`${event.violatedDirective} ${event.blockedURI}`),
    );
  });
  try {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    if (lost) await page.route(lost, (route) => route.abort());
    await page.goto(url);
    await opened(page);
    await run(page);
    await page.waitForTimeout(200); // for what comes late
  } catch (error) {
    faults.push(error.stack);
  }
  await page.close();
  await forget(context, origin);
  return faults.length ? faults.join("\n") : null;
}

/** Remove what pages have stored: after they are closed, as they store their tabs then. */
async function forget(context, origin) {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Storage.clearDataForOrigin", { origin, storageTypes: "local_storage" });
  await page.close();
}

/** A browser whose user has forbidden every page to store anything. */
async function keepingNothing() {
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  await mkdir(join(profile, "Default"), { recursive: true });
  await writeFile(join(profile, "Default", "Preferences"), JSON.stringify(preferences));
  return chromium.launchPersistentContext(profile, { executablePath, args });
}

// Chromium's sandbox does not work for root.
const args = [`--host-resolver-rules=MAP ${PLAIN} 127.0.0.1`, ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];

/** Run the scenarios that were asked for, and print what each found wrong; a page is ready once `opened` is done with it. */
export async function run(opened) {
  const browser = await chromium.launch({ executablePath, args });
  // One context for all, as its cache has the page's files from the first scenario on.
  const shared = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"] });
  const outcomes = {};
  for (const name of names) {
    const context = scenarios[name].keeps === false ? await keepingNothing() : shared;
    context.setDefaultTimeout(PATIENCE);
    outcomes[name] = await outcome(context, { opened, ...scenarios[name] });
    if (context !== shared) await context.close();
  }
  await browser.close();
  console.log(JSON.stringify(outcomes));
}
