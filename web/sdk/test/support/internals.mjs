// What the package does not show: bundled out of `src` for tests of its parts.

import { build } from "esbuild";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const outfile = here("../.built/internals.mjs");
await build({
  stdin: {
    contents: ["codes", "error", "emitter", "rows", "safety", "shape", "store/indexeddb", "store/memory", "node/file", "node/lock"].map((name) => `export * from "./${name}.ts";`).join("\n"),
    resolveDir: here("../../src"),
  },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "es2022",
  outfile,
  logLevel: "warning",
});
export const internals = await import(`${pathToFileURL(outfile).href}?${process.pid}`);
