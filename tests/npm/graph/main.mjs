// The graph page in a real browser: node main.mjs CHROMIUM PROFILE SERVERS SCENARIOS
//
// The arguments and what it prints are those of ../graphiql/main.mjs.
import { run } from "../pages/runner.mjs";
import { ready } from "./driver.mjs";
import "./accessibility.mjs";
import "./access.mjs";
import "./bounds.mjs";
import "./files.mjs";
import "./links.mjs";
import "./live.mjs";
import "./pictures.mjs";

await run(ready);
