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

// Every asset gets its compressed twins here, so that the server never compresses one.
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

export default defineConfig({
  base: "/static/",
  build: {
    chunkSizeWarningLimit: 5000, // Monaco is one large thing
  },
  // `npx vite` serves the page while it is worked on, over a server of its own.
  server: { proxy: { "/graphql": "http://127.0.0.1:8000" } },
  plugins: [compressed],
});
