// Builds `dist`: ESM and CommonJS, each for browsers and for Node, around `inline.js` and `inline-core.js` with
// the WebAssembly modules. They must be there: `npm run inline`.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transformSync } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));
const dist = join(here, "dist");
const src = (name) => join(here, "src", name);

const INLINED = ["inline", "inline-core"];
for (const name of INLINED) if (!existsSync(src(`${name}.js`))) throw new Error(`src/${name}.js is not there; run \`npm run inline\``);
for (const old of ["browser", "node"]) rmSync(join(dist, old), { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

/** A module stays a file of its own, so that no entry holds a second copy of it. */
const parts = (platform, suffix) => ({
  name: "parts",
  setup(build) {
    build.onResolve({ filter: /\/inline(-core)?\.js$/ }, ({ path }) => ({ path: `.${path.replace(/\.js$/u, suffix)}`, external: true, sideEffects: false }));
    build.onResolve({ filter: /^#platform$/ }, () => ({ path: src(`${platform}/platform.ts`) }));
  },
});

const common = { bundle: true, target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning", external: ["ws", "react", "sprag"], absWorkingDir: here };
for (const platform of ["browser", "node"]) {
  const kind = { ...common, platform: platform === "node" ? "node" : "browser", entryPoints: ["src/index.ts", "src/core.ts"] };
  const outdir = join(dist, platform);
  await build({ ...kind, format: "esm", splitting: true, outdir, chunkNames: "sprag-[hash]", plugins: [parts(platform, ".js")] });
  await build({ ...kind, format: "cjs", outdir, outExtension: { ".js": ".cjs" }, plugins: [parts(platform, ".cjs")] });
}
for (const [format, suffix] of [["esm", ".js"], ["cjs", ".cjs"]]) {
  await build({ ...common, platform: "neutral", format, entryPoints: ["src/react.ts"], outdir: dist, outExtension: { ".js": suffix } });
}
for (const name of INLINED) {
  copyFileSync(src(`${name}.js`), join(dist, `${name}.js`));
  const { code } = transformSync(readFileSync(src(`${name}.js`), "utf8"), { format: "cjs", target: "es2022" });
  writeFileSync(join(dist, `${name}.cjs`), code);
}

if (process.argv.includes("--no-types")) process.exit(0);
execFileSync(process.execPath, [join(here, "../node_modules/typescript/bin/tsc"), "-p", join(here, "tsconfig.json")], { stdio: "inherit" });
const types = join(dist, "types");
mkdirSync(join(dist, "types-cjs"), { recursive: true });
for (const name of readdirSync(types, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const text = readFileSync(join(types, name), "utf8").replaceAll(/(from "\.[^"]*)\.js"/gu, '$1.cjs"').replaceAll(/(import\("\.[^"]*)\.js"\)/gu, '$1.cjs")');
  const to = join(dist, "types-cjs", name.replace(/\.d\.ts$/u, ".d.cts"));
  mkdirSync(join(to, ".."), { recursive: true });
  writeFileSync(to, text);
}
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(join(here, "../..", name), join(here, name));
