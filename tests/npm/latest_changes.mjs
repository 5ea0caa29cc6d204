// The list "Latest changes" of a page of examples/: node latest_changes.mjs CHROMIUM URL TOKEN
//
// Prints what it shows, and what alerts say, as a line of JSON at first and whenever that changes, until its standard
// input ends. With the variable SCREENSHOT it then writes how the page looks to that file.
import { chromium } from "playwright-core";

const [executablePath, url, token] = process.argv.slice(2);
// Chromium's sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
await page.addInitScript((token) => sessionStorage.setItem("token", token), token);
await page.exposeFunction("tell", (told) => console.log(told));
await page.goto(url);
await page.locator("ol[aria-labelledby=latest]").waitFor({ state: "attached" });
process.stdin.on("end", leave).resume();
await page.evaluate(() => {
  const texts = (selector) => [...document.querySelectorAll(selector)].map(({ innerText }) => innerText);
  let last;
  const look = () => {
    const shown = { changes: texts("ol[aria-labelledby=latest] li"), alerts: texts("[role=alert]") };
    if (JSON.stringify(shown) !== last) globalThis.tell((last = JSON.stringify(shown)));
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  look();
});

async function leave() {
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  process.exit();
}
