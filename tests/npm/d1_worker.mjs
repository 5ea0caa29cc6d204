// Runs deploy/d1-proxy/worker.js with local D1 databases until standard input ends; prints its address.
// The first step of a path names the database, r0 to r99, so that one process serves many of them.
import { readFileSync } from "node:fs";
import { Miniflare } from "miniflare";

const ROUTER = `
import proxy from "./worker.js";

export default {
  fetch(request, env) {
    const [, name] = new URL(request.url).pathname.split("/");
    return proxy.fetch(request, { TOKEN: env.TOKEN, REGISTRY: env[name] });
  },
};
`;
const [worker, token, databases, folder] = process.argv.slice(2);
const miniflare = new Miniflare({
  modules: [
    { type: "ESModule", path: "router.js", contents: ROUTER },
    { type: "ESModule", path: "worker.js", contents: readFileSync(worker, "utf8") },
  ],
  compatibilityDate: "2026-01-01",
  bindings: { TOKEN: token },
  d1Databases: Array.from({ length: Number(databases) }, (_, number) => `r${number}`),
  d1Persist: folder ?? false,
  host: "127.0.0.1",
  port: 0,
  cf: false,
});
const url = await miniflare.ready;
console.log(JSON.stringify({ url: url.href }));
process.stdin.resume();
process.stdin.on("end", async () => {
  await miniflare.dispose();
  process.exit(0);
});
