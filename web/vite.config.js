import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { defineConfig } from "vite";

const CODINGS = {
  br: (bytes) =>
    promisify(brotliCompress)(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 10, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    }),
  gz: (bytes) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
};

// Compresses every asset at build time, so that the server never has to.
const compressed = {
  name: "compressed",
  apply: "build",
  async writeBundle({ dir }, bundle) {
    await Promise.all(
      Object.keys(bundle)
        .filter((name) => name.startsWith("assets/"))
        .map(async (name) => {
          const file = join(dir, name);
          const bytes = await readFile(file);
          for (const [suffix, compress] of Object.entries(CODINGS)) {
            await writeFile(`${file}.${suffix}`, await compress(bytes));
          }
        }),
    );
  },
};

// Puts small styles into the pages, which show them before any other file has come.
const INLINE = /<style src="\.\/(src\/[\w.-]+)"><\/style>/g;
const inlined = {
  name: "inlined",
  transformIndexHtml: {
    order: "pre",
    handler: (html) => html.replace(INLINE, (_, file) => `<style>\n${readFileSync(join(import.meta.dirname, file), "utf8")}</style>`),
  },
};

export default defineConfig({
  base: "./",
  // A proxy may serve the pages under any path. Addresses in them are relative to their own, which lie beside each other;
  // those in their files are relative to the file.
  experimental: {
    renderBuiltUrl: (name, { hostType }) => (hostType === "html" ? `static/${name}` : { relative: true }),
  },
  build: {
    chunkSizeWarningLimit: 5000, // Monaco is large
    rolldownOptions: { input: ["index.html", "graph.html"] },
  },
  // `npx vite` serves the pages during development and forwards the API to a running server.
  server: { proxy: { "/graphql": "http://127.0.0.1:8000" } },
  plugins: [inlined, compressed],
});
