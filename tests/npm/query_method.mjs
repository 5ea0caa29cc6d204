// The method QUERY from pages in Chromium: node query_method.mjs CHROMIUM URL
//
// URL is an open server's /graphql. Prints one JSON object: what a page of this machine on another port, and a
// page of a stranger, get for each request.
import { createServer } from "node:http";
import { chromium } from "playwright-core";

const [executablePath, url] = process.argv.slice(2);
const STRANGER = "stranger.example"; // leads to this machine, which the browser does not know

const pages = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<p>A page"));
await new Promise((listening) => pages.listen(0, "127.0.0.1", listening));
const { port } = pages.address();

// Runs in the page.
async function ask(url) {
  const query = async (document, headers) => {
    const sent = { "content-type": "application/json", ...headers };
    try {
      const answer = await fetch(url, { method: "QUERY", body: JSON.stringify({ query: document }), headers: sent });
      const body = await answer.text();
      return { status: answer.status, etag: answer.headers.get("etag"), accepts: answer.headers.get("accept-query"), body };
    } catch (error) {
      return { failed: String(error) };
    }
  };
  const first = await query("{ actors { totalCount } }");
  return {
    first,
    unchanged: await query("{ actors { totalCount } }", { "if-none-match": first.etag ?? '"none"' }),
    text: await query("{ actors { totalCount } }", { "content-type": "text/plain" }),
    mutation: await query("mutation { registerActor(input: { actorType: HUMAN }) { errors { code } } }"),
  };
}

// Chromium's sandbox does not work for root.
const args = [`--host-resolver-rules=MAP ${STRANGER} 127.0.0.1`, ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
const browser = await chromium.launch({ executablePath, args });
const results = {};
for (const host of ["localhost", STRANGER]) {
  const page = await browser.newPage();
  await page.goto(`http://${host}:${port}/`);
  results[host] = await page.evaluate(ask, url);
}
await browser.close();
pages.close();
console.log(JSON.stringify(results));
