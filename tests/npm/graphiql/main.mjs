// GraphiQL in a real browser: node main.mjs CHROMIUM PROFILE SERVERS SCENARIOS
//
// PROFILE is a folder for a browser of settings of its own. SERVERS is JSON, by name the url of each and the
// key that opens it: `open`, with the demo, `off`, without the page, and three that are protected, of which one tells
// its schema, one does not, and one takes one wrong credential a minute. SCENARIOS is JSON, the names of those to run.
//
// Prints one JSON object: what each scenario, by its name, found wrong, or null.
import { run } from "../pages/runner.mjs";
import { ready } from "./driver.mjs";
import "./accessibility.mjs";
import "./as_graph.mjs";
import "./building.mjs";
import "./credentials.mjs";
import "./editing.mjs";
import "./layout.mjs";
import "./results.mjs";
import "./sharing.mjs";
import "./subscriptions.mjs";
import "./tabs.mjs";

await run(ready);
