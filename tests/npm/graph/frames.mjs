// What the graph page takes of the main thread: node frames.mjs CHROMIUM URL NODES ...
//
// URL is the /graphql of an open server with the demo, to which this adds connections until pictures of so many NODES can be
// made. No test runs it, as what it measures depends on the machine: docs/decisions/0041 has its figures.
//
// A frame is what lies between two callbacks of requestAnimationFrame. Of each activity it prints milliseconds of the CPU that the main
// thread took in a frame, at the median, the 95th and 99th percentile and at most, and the longest task by the clock.
import { chromium } from "playwright-core";

const [executablePath, url, ...sizes] = process.argv.slice(2);
const AT_ONCE = 20; // fields that an operation may have
const CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"];

async function asked(query, variables = {}) {
  const body = JSON.stringify({ query, variables });
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

/** Open connections from all contexts to some services until there are so many. */
async function fill(count) {
  const sources = (await asked("{ contexts(first: 100) { nodes { chittyId } } }")).contexts.nodes;
  for (let { totalCount } = (await asked("{ connections { totalCount } }")).connections; totalCount < count; totalCount += AT_ONCE) {
    const fields = Array.from({ length: AT_ONCE }, (_, index) => {
      const number = totalCount + index;
      const { chittyId } = sources[(number * 7) % sources.length];
      const input = `{ source: "${chittyId}", targetService: "service-${number % 37}", targetEndpoint: "e${number}" }`;
      return `m${index}: openConnection(input: ${input}) { errors { message } }`;
    });
    await asked(`mutation { ${fields.join(" ")} }`);
  }
}

/** A fragment whose picture has so many nodes: services one after the other, with what lies around them. */
async function fragmentOf(count) {
  const { services } = await asked("{ services(first: 100) { nodes { id stats { total } } } }");
  const ids = [];
  for (let nodes = 0; nodes < count && services.nodes.length; nodes += services.nodes.pop().stats.total) ids.push(services.nodes.at(-1).id);
  return `#expand=${ids.join(",")}&most=1000`;
}

async function traced(page, act) {
  const session = await page.context().newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await session.send("Tracing.start", { transferMode: "ReportEvents", traceConfig: { includedCategories: CATEGORIES } });
  await act();
  const complete = new Promise((done) => session.once("Tracing.tracingComplete", done));
  await session.send("Tracing.end");
  await complete;
  return figuresOf(events);
}

function figuresOf(events) {
  const mains = events.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain");
  const ofThread = ({ pid, tid }) => events.filter((event) => event.pid === pid && event.tid === tid);
  const own = mains.map(ofThread).toSorted((a, b) => b.length - a.length)[0];
  const frames = own.filter(({ name }) => name === "FireAnimationFrame").map(({ ts }) => ts).toSorted((a, b) => a - b);
  const starts = frames.filter((ts, index) => !index || ts - frames[index - 1] > 2000); // several callbacks of one frame
  const tasks = own.filter(({ name, ph }) => name === "RunTask" && ph === "X");
  const sums = starts.slice(1).map((end, index) => {
    const inside = tasks.filter(({ ts }) => ts >= starts[index] - 500 && ts < end - 500);
    return inside.reduce((sum, { tdur = 0 }) => sum + tdur, 0) / 1000;
  });
  const sorted = sums.toSorted((a, b) => a - b);
  const at = (part) => Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1));
  const longest = Math.round(tasks.reduce((most, { dur }) => Math.max(most, dur), 0) / 1000);
  return { frames: sums.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1), longest };
}

/** Callbacks in each frame, which idle pages would not have. */
const ticking = (page) => page.evaluate(() => (function tick() { requestAnimationFrame(tick); })());

const args = ["--disable-gpu", ...(process.getuid() === 0 ? ["--no-sandbox"] : [])];
const browser = await chromium.launch({ executablePath, args });
await fill(Math.max(...sizes.map(Number)));
for (const size of sizes) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await page.goto(url.replace(/graphql$/, "graph") + (await fragmentOf(size)));
  const status = page.locator(".graph-summary .chitty-status");
  await status.getByText(/\d relations/).waitFor();
  await status.getByText("Loading", { exact: true }).waitFor({ state: "detached", timeout: 120_000 });
  await page.waitForTimeout(3000);
  console.log(size, await status.innerText());
  await ticking(page);
  const box = await page.locator(".graph-canvas").boundingBox();
  const activities = {
    idle: () => page.waitForTimeout(2000),
    async pan() {
      await page.mouse.move(box.x + 8, box.y + 8);
      await page.mouse.down();
      for (let step = 0; step < 120; step++) {
        await page.mouse.move(box.x + 8 + 3 * step, box.y + 8 + 2 * step);
        await page.waitForTimeout(10);
      }
      await page.mouse.up();
    },
    async zoom() {
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      for (let step = 0; step < 60; step++) {
        await page.mouse.wheel(0, step % 20 < 10 ? -60 : 60);
        await page.waitForTimeout(16);
      }
    },
    // Half a minute in which somebody expands objects, one after the other.
    async add() {
      await page.getByRole("listbox", { name: "Objects" }).focus();
      await page.keyboard.press("End");
      for (let times = 0; times < 8; times++) {
        await page.keyboard.press("ArrowUp");
        await page.keyboard.press("Enter");
        await page.waitForTimeout(1500);
      }
    },
  };
  for (const [name, act] of Object.entries(activities)) console.log(size, name, JSON.stringify(await traced(page, act)));
  await page.close();
}
await browser.close();
