// Packs each WebAssembly module and its glue into one JavaScript file: `node scripts/inline.mjs [FOLDER]`, where the folder is what
// `cargo xtask web` makes (`web/sdk/wasm`): wasm-bindgen, target `web`.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));
const from = process.argv[2] ?? join(here, "wasm");

/** What `cargo xtask web` calls a module, and what the package does. */
const MODULES = [
  ["sprag", "inline", "sprag"],
  ["sprag_core", "inline-core", "sprag-core"],
];

mkdirSync(join(here, "dist"), { recursive: true });
for (const [built, inline, name] of MODULES) {
  const wasm = join(from, `${built}_bg.wasm`);
  if (!existsSync(wasm)) throw new Error(`${wasm} is not there; run \`cargo xtask web\` first`);
  // Of the glue only what is called with the module at hand: nothing that fetches it.
  const source = readFileSync(join(from, `${built}.js`), "utf8");
  const names = [...source.matchAll(/^export (?:class|function) (\w+)/gmu)].map(([, name]) => name);
  const contents = `export { initSync, ${names.join(", ")} } from "./${built}.js";`;
  const [{ text }] = buildSync({ stdin: { contents, resolveDir: from }, bundle: true, minify: true, format: "cjs", target: "es2022", define: { "import.meta.url": "''" }, write: false }).outputFiles;
  // The glue keeps its instance in a variable of its module. As a function, each call makes a fresh one.
  const glue = `export function makeGlue() {\n  const module = { exports: {} };\n  ${text.trim()}\n  return module.exports;\n}\n`;
  const packed = readFileSync(`${wasm}.gz`).toString("base64");
  writeFileSync(join(here, `src/${inline}.js`), `// Written by scripts/inline.mjs: a module, and the glue of wasm-bindgen.\nexport const GZIPPED = "${packed}";\n${glue}`);
  copyFileSync(wasm, join(here, `dist/${name}.wasm`));
  console.error(`${name}: ${packed.length} bytes packed, ${glue.length} of glue`);
}
