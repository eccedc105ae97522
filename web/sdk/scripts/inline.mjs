// Packs the WebAssembly module and its glue into one JavaScript file: `node scripts/inline.mjs [FOLDER]`, where the folder is what
// `cargo xtask web` makes (`web/sdk/wasm`): wasm-bindgen, target `web`.

import { readFileSync, readdirSync, writeFileSync, mkdirSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));
const from = process.argv[2] ?? process.env.SPRAG_WASM ?? join(here, "wasm");

const named = (suffix) => {
  const found = readdirSync(from).filter((name) => name.endsWith(suffix));
  if (found.length !== 1) throw new Error(`${from} has ${found.length} files *${suffix}; run \`cargo xtask web\` first`);
  return join(from, found[0]);
};
const wasm = readFileSync(named("_bg.wasm"));
const source = readFileSync(named("_bg.wasm").replace("_bg.wasm", ".js"), "utf8");

// The glue keeps its instance in a variable of its module. As a function, each call makes a fresh one.
const minified = transformSync(source, { format: "cjs", minify: true, target: "es2022", define: { "import.meta.url": "''" } }).code;
const glue = `export function makeGlue() {\n  const module = { exports: {} };\n  ${minified.trim()}\n  return module.exports;\n}\n`;
const packed = readFileSync(named("_bg.wasm.gz")).toString("base64");
const out = `// Written by scripts/inline.mjs: the module, and the glue of wasm-bindgen.\nexport const GZIPPED = "${packed}";\n${glue}`;
mkdirSync(join(here, "dist"), { recursive: true });
writeFileSync(join(here, "src/inline.js"), out);
copyFileSync(named("_bg.wasm"), join(here, "dist/sprag.wasm"));
console.error(`module ${wasm.length} bytes, packed ${packed.length}, glue ${glue.length}`);
