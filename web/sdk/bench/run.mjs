// The package in Node and in Chromium, beside @matrix-org/matrix-sdk-crypto-wasm: `cargo xtask bench web`. The peer is a folder
// that npm has installed it in, named as the first argument; its Olm is measured through its machines, which keep more than a
// ratchet (a store in memory, JSON around each message), so that its figures are those of what an application can call.

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

import * as sprag from "sprag";
import * as core from "sprag/core";

import { browser, site } from "../test/support/browser.mjs";
import { World } from "../test/support/relay.mjs";
import { client, olm, ratchet } from "./work.mjs";

const [peer, json] = [process.argv[2], process.argv.includes("--json")];
const quick = process.argv.includes("--quick");
const COUNT = quick ? 20 : 400;
const NAME = "@matrix-org/matrix-sdk-crypto-wasm";
const require = createRequire(join(peer, "package.json"));
const package_ = dirname(require.resolve(NAME));

const say = (line) => process.stderr.write(`--> ${line}\n`);
const world = await World.start();
const report = {};

say("Node");
report.node = { sprag: { ...(await ratchet(core, COUNT)), ...(await client(sprag, world.url)) }, olm: await olm(require(NAME), COUNT) };

say("Chromium");
const folder = new URL("..", import.meta.url).pathname;
const [ours, theirs] = [await site({ folder, csp: "" }), await site({ folder: package_, csp: "" })];
const chrome = await browser();
try {
  const page = await chrome.newPage();
  await page.goto(ours.url);
  const of = (work, entry, ...rest) =>
    page.evaluate(
      async ([work, entry, rest]) => (await import("/bench/work.mjs"))[work](await import(entry), ...rest),
      [work, entry, rest],
    );
  report.chromium = {
    sprag: {
      ...(await of("ratchet", "/dist/browser/core.js", COUNT)),
      ...(await of("client", "/dist/browser/index.js", world.url)),
    },
  };
  await page.goto(theirs.url);
  const work = readFileSync(new URL("work.mjs", import.meta.url), "utf8");
  report.chromium.olm = await page.evaluate(
    async ([work, count]) => {
      const { olm } = await import(URL.createObjectURL(new Blob([work], { type: "text/javascript" })));
      return await olm(await import("/index.mjs"), count);
    },
    [work, COUNT],
  );
} finally {
  await chrome.close();
  await ours.close();
  await theirs.close();
  await world.end();
}

// The entry, what it shares with the other one, and the module.
const loaded = readdirSync(join(folder, "dist/browser")).filter((file) => file.endsWith(".js") && file !== "core.js");
const gzipped = (...path) => gzipSync(readFileSync(join(...path)), { level: 9 }).length;
report.bytes = {
  sprag: gzipped(folder, "dist/inline.js") + loaded.reduce((sum, file) => sum + gzipped(folder, "dist/browser", file), 0),
  olm: gzipped(package_, "pkg/matrix_sdk_crypto_wasm_bg.wasm") + gzipped(package_, "pkg/matrix_sdk_crypto_wasm_bg.js"),
};
report.peer = `${NAME} ${JSON.parse(readFileSync(join(package_, "package.json"), "utf8")).version}`;

const shown = (ms) => (ms === undefined ? "-" : ms >= 1 ? `${ms.toFixed(2)} ms` : `${(ms * 1000).toFixed(0)} us`);
if (json) {
  console.log(JSON.stringify(report, undefined, 2));
} else {
  console.log(`beside ${report.peer}; best of 5 rounds, 256-byte texts\n`);
  for (const where of ["node", "chromium"]) {
    console.log(`${where.padEnd(24)}${"sprag".padStart(12)}${"olm".padStart(12)}${"ratio".padStart(9)}`);
    for (const [work, ms] of Object.entries(report[where].sprag)) {
      const other = report[where].olm[work];
      const ratio = other === undefined ? "" : `${(ms / other).toFixed(2)}x`;
      console.log(`${work.padEnd(24)}${shown(ms).padStart(12)}${shown(other).padStart(12)}${ratio.padStart(9)}`);
    }
    console.log("");
  }
  const { sprag: mine, olm: other } = report.bytes;
  console.log(`gzip, all that a page loads: ${mine} bytes, ${other} bytes, ${(mine / other).toFixed(2)}x`);
}
