// A client that listens to changes until its standard input ends: node live.mjs CLIENT URL KEY [CHROMIUM SCRIPT]
//
// With CHROMIUM it listens in a page of the server's origin, where SCRIPT is live_clients.mjs, bundled. Prints each thing
// that it is told as a line of JSON.
import { chromium } from "playwright-core";
import WebSocket from "ws";
import { listen } from "./live_clients.mjs";

const [client, url, key, executablePath, path] = process.argv.slice(2);
const tell = (told) => console.log(JSON.stringify(told));

async function listenInPage() {
  // Chromium's sandbox does not work for root.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath, args });
  const page = await browser.newPage();
  // An EventSource sends no credential: here the browser adds it, as a proxy does.
  if (client === "eventSource" && key) await page.setExtraHTTPHeaders({ authorization: `Bearer ${key}` });
  await page.exposeFunction("tell", tell);
  await page.goto(new URL("/healthz", url).href);
  await page.addScriptTag({ path });
  await page.evaluate(([name, server]) => globalThis.listen(name, server, globalThis.tell), [client, { url, key }]);
}

globalThis.WebSocket = WebSocket;
process.stdin.on("end", () => process.exit()).resume();
await (executablePath ? listenInPage() : listen(client, { url, key }, tell));
