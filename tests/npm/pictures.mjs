// The pictures of the README and the docs: node pictures.mjs CHROMIUM URL FOLDER
//
// URL is that of a server with the demo. Each picture is written to FOLDER, as WebP.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [executablePath, url, folder] = process.argv.slice(2);
const PATIENCE = 60_000; // milliseconds: a busy machine may take long
const QUALITY = 75;

const LEDGER = idOf("Service:ledger");
const AGENT = idOf("Actor:01-C-ACT-4839-AGT-Q5-7-8"); // the Research Agent
const HUB = "github"; // which would tie everything to everything
const AROUND = `
  query ($ledger: ID!, $agent: ID!) {
    failure: neighborhood(of: $ledger, depth: 3, maxNodes: 400) { nodes { ...Drawn } }
    agent: neighborhood(of: $agent, maxNodes: 400) { nodes { ...Drawn } }
  }
  fragment Drawn on Node { id ... on Connection { targetService } }
`;

const pictures = {
  graph: {
    path: "/graph",
    viewport: { width: 1280, height: 800 },
    scale: 1.25, // for displays that show it smaller, and sharper
    fragment: async () => `#nodes=${(await failureAndAgent()).join(",")}&select=${AGENT}`,
    async show(page) {
      await page.getByRole("heading", { name: "Research Agent" }).waitFor();
      await page.getByText("Open this query in GraphiQL").waitFor();
      await page.getByText("Live", { exact: true }).waitFor();
      await settled(page);
    },
  },
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

function idOf(name) {
  return Buffer.from(name).toString("base64url");
}

/** Wait until the page looks the same twice in a row: the picture moves into its place. */
async function settled(page) {
  for (let before = null, now = ""; before !== now; ) {
    before = now;
    now = (await page.screenshot()).toString("base64");
  }
}

/** The ids of what hangs on the failing service, of what the agent opened, and of the services of all these. */
async function failureAndAgent() {
  const answer = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: AROUND, variables: { ledger: LEDGER, agent: AGENT } }),
  });
  const { data } = await answer.json();
  const objects = [...data.failure.nodes, ...data.agent.nodes].filter(({ targetService }) => targetService !== HUB);
  const services = objects.flatMap(({ targetService }) => (targetService ? [idOf(`Service:${targetService}`)] : []));
  return [...new Set([...objects.map(({ id }) => id), ...services])];
}

// Chromium's sandbox does not work for root.
const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
const browser = await chromium.launch({ executablePath, args });
for (const [name, { path, viewport, scale = 1, fragment, show }] of Object.entries(pictures)) {
  const context = await browser.newContext({
    colorScheme: "light",
    deviceScaleFactor: scale,
    reducedMotion: "reduce",
    viewport,
  });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  await page.goto(`${url}${path}${fragment ? await fragment() : ""}`);
  await show(page);
  const session = await context.newCDPSession(page); // playwright itself makes no WebP
  const clip = { x: 0, y: 0, ...viewport, scale };
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: QUALITY, clip });
  await writeFile(join(folder, `${name}.webp`), Buffer.from(data, "base64"));
  await context.close();
}
await browser.close();
