// The tarball that would be published, in fresh projects: every way in which people load it.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import * as esbuild from "esbuild";
import * as vite from "vite";
import webpack from "webpack";

import { browser, site } from "./support/browser.mjs";
import { World } from "./support/relay.mjs";

const here = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sprag-packed-"));
// Bytes over the wire; docs/decisions/011-what-a-page-loads.md. The limits only fall.
const BUDGET = { client: 248_000, core: 90_000 };

let world;
let chrome;
let installed;
let count = 0;

before(async () => {
  world = await World.start();
  chrome = await browser();
  const [{ filename }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", folder], { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  installed = join(folder, "installed");
  mkdirSync(installed);
  writeFileSync(join(installed, "package.json"), JSON.stringify({ private: true }));
  execFileSync("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", join(folder, filename)], { cwd: installed, stdio: "ignore" });
});
after(async () => {
  await chrome?.close();
  await world?.end();
  rmSync(folder, { recursive: true, force: true });
});

/** Two people talk: the same words everywhere. */
const TALK = `
export async function talk(open, relay, name) {
  const [alice, bob] = await Promise.all(["alice", "bob"].map((user) => open({ relay, user: user + name })));
  const heard = new Promise((resolve) => bob.once("message", resolve));
  const sent = await alice.send(bob.account, "Hello from " + name);
  const { text } = await heard;
  await sent.reached("delivered");
  await Promise.all([alice.close(), bob.close()]);
  return text;
}
`;

/** A fresh project with the package in it. */
function project(type, files) {
  const name = `p${(count += 1)}`;
  const root = join(folder, name);
  cpSync(installed, root, { recursive: true });
  writeFileSync(join(root, "package.json"), JSON.stringify({ private: true, type, dependencies: { sprag: "*" } }));
  writeFileSync(join(root, "talk.js"), TALK);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return { name, root };
}

const MAIN = (name) => `
import { open } from "sprag";
import { talk } from "./talk.js";
talk(open, ${JSON.stringify(world.url)}, ${JSON.stringify(name)}).then((text) => { document.title = text; }, (error) => { document.title = String(error.code ?? error); });
`;
/** The same words on a session, without a relay. */
const ALONE = `
import { decrypt, encrypt, Identity, Session } from "sprag/core";
const [alice, bob] = [await Identity.generate("alice"), await Identity.generate("bob")];
const message = encrypt(await Session.start(alice, bob.bundle()), "Hello from core");
document.title = new TextDecoder().decode(decrypt(await Session.accept(alice.card), bob, message));
`;
const PAGE = (script) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title></title><script type="module" src="${script}"></script></head><body></body></html>`;

async function titleOf(url) {
  const context = await chrome.newContext();
  const page = await context.newPage();
  const noise = [];
  page.on("console", (message) => noise.push(message.text()));
  page.on("pageerror", (error) => noise.push(String(error)));
  const foreign = [];
  page.on("request", (request) => {
    const { origin } = new URL(request.url());
    if (!request.url().startsWith("blob:") && origin !== new URL(url).origin && origin !== world.url) foreign.push(request.url());
  });
  await page.goto(url);
  try {
    await page.waitForFunction(() => document.title !== "", undefined, { timeout: 20_000 });
  } catch {
    throw new Error(`the page said nothing but ${JSON.stringify(noise)}`);
  }
  const title = await page.title();
  await context.close();
  assert.deepEqual(foreign, []);
  return { title, noise };
}

describe("in Node", () => {
  test("as a module", () => {
    const name = "node-esm";
    const { root } = project("module", { "main.js": `import { open } from "sprag";\nimport { talk } from "./talk.js";\nconsole.log(await talk(open, ${JSON.stringify(world.url)}, "${name}"));` });
    assert.equal(execFileSync(process.execPath, ["main.js"], { cwd: root, encoding: "utf8" }).trim(), `Hello from ${name}`);
  });

  test("by require", () => {
    const name = "node-cjs";
    const { root } = project("commonjs", {
      "talk.mjs": TALK,
      "main.js": `const { open, SpragError } = require("sprag");\nconst { Identity } = require("sprag/core");\nif (!SpragError || !Identity) throw new Error("not there");\nimport("./talk.mjs").then(({ talk }) => talk(open, ${JSON.stringify(world.url)}, "${name}")).then(console.log);`,
    });
    assert.equal(execFileSync(process.execPath, ["main.js"], { cwd: root, encoding: "utf8" }).trim(), `Hello from ${name}`);
  });

  test("importing it does nothing: no handle, no global", () => {
    const { root } = project("module", {
      "main.js": `const before = Object.getOwnPropertyNames(globalThis).length;\nawait Promise.all([import("sprag"), import("sprag/core")]);\nconsole.log(Object.getOwnPropertyNames(globalThis).length - before);`,
      "browser.js": `for (const name of ["window", "indexedDB", "navigator", "document", "crypto"]) Object.defineProperty(globalThis, name, { get() { throw new Error(name); }, configurable: true });\nawait import("./node_modules/sprag/dist/browser/index.js");\nconsole.log("fine");`,
    });
    assert.equal(execFileSync(process.execPath, ["main.js"], { cwd: root, encoding: "utf8" }).trim(), "0");
    assert.equal(execFileSync(process.execPath, ["browser.js"], { cwd: root, encoding: "utf8" }).trim(), "fine");
  });
});

describe("in a page", () => {
  test("by Vite's dev server", { timeout: 90_000 }, async () => {
    const { root } = project("module", { "index.html": PAGE("/main.js"), "main.js": MAIN("vite-dev") });
    const server = await vite.createServer({ root, configFile: false, logLevel: "error", server: { port: 0, host: "127.0.0.1" } });
    await server.listen();
    const { title } = await titleOf(server.resolvedUrls.local[0]);
    await server.close();
    assert.equal(title, "Hello from vite-dev");
  });

  test("built by Vite, under the strict policy", { timeout: 90_000 }, async () => {
    const { root } = project("module", { "index.html": PAGE("/main.js"), "main.js": MAIN("vite-build") });
    await vite.build({ root, configFile: false, logLevel: "error", build: { modulePreload: { polyfill: false } } });
    const served = await site({ relay: world.url, folder: join(root, "dist"), pages: { "/": readFileSync(join(root, "dist/index.html"), "utf8") } });
    const { title, noise } = await titleOf(served.url);
    await served.close();
    assert.equal(title, "Hello from vite-build");
    assert.deepEqual(noise, []);
  });

  test("built by webpack, under the strict policy", { timeout: 90_000 }, async () => {
    const { root } = project("module", { "main.js": MAIN("webpack") });
    const stats = await new Promise((resolve, reject) => {
      webpack({ mode: "production", context: root, entry: "./main.js", output: { path: join(root, "out") }, performance: { hints: false } }).run((error, stats) => (error ? reject(error) : resolve(stats)));
    });
    assert.ok(!stats.hasErrors() && !stats.hasWarnings(), stats.toString());
    const served = await site({ relay: world.url, folder: join(root, "out"), pages: { "/": PAGE("/main.js") } });
    const { title, noise } = await titleOf(served.url);
    await served.close();
    assert.equal(title, "Hello from webpack");
    assert.deepEqual(noise, []);
  });

  test("built by esbuild, under the strict policy, within its budget", { timeout: 60_000 }, async () => {
    await builtByEsbuild("esbuild", MAIN("esbuild"), BUDGET.client);
  });

  test("the protocol alone, within a budget of its own", { timeout: 60_000 }, async () => {
    await builtByEsbuild("core", ALONE, BUDGET.core);
  });

  /** Builds a page, looks at it, and says what it weighs. */
  async function builtByEsbuild(name, main, budget) {
    const { root } = project("module", { "main.js": main });
    const built = await esbuild.build({ absWorkingDir: root, entryPoints: ["main.js"], bundle: true, minify: true, format: "esm", outfile: "out/main.js", logLevel: "silent", metafile: true });
    assert.deepEqual(built.warnings, []);
    const served = await site({ relay: world.url, folder: join(root, "out"), pages: { "/": PAGE("/main.js") } });
    const { title, noise } = await titleOf(served.url);
    await served.close();
    assert.equal(title, `Hello from ${name}`);
    assert.deepEqual(noise, []);
    const whole = readFileSync(join(root, "out/main.js"));
    const transfer = gzipSync(whole, { level: 9 }).length;
    const inline = /"(H4sI[\w+/=]+)"/u.exec(whole.toString())?.[1] ?? "";
    const module = gzipSync(inline, { level: 9 }).length;
    console.log(`# ${name}: total transfer ${transfer} bytes gzip (${whole.length} raw): the module ${module} (${Buffer.from(inline, "base64").length} as a gzipped file), the rest ${transfer - module}`);
    assert.ok(transfer <= budget, `${transfer} bytes are more than ${budget}`);
  }

  test("in a module worker", { timeout: 60_000 }, async () => {
    const worker = `import { open } from "./node_modules/sprag/dist/browser/index.js";\nimport { talk } from "./talk.js";\ntalk(open, ${JSON.stringify(world.url)}, "worker").then(postMessage, (error) => postMessage(String(error.code ?? error)));`;
    const { root } = project("module", { "worker.js": worker, "main.js": `new Worker("/worker.js", { type: "module" }).onmessage = ({ data }) => { document.title = data; };` });
    const served = await site({ relay: world.url, folder: root, csp: "", pages: { "/": PAGE("/main.js") } });
    const { title } = await titleOf(served.url);
    await served.close();
    assert.equal(title, "Hello from worker");
  });

  test("as it is, without a bundler, under the strict policy", { timeout: 60_000 }, async () => {
    const { root } = project("module", { "main.js": MAIN("plain").replace('"sprag"', '"./node_modules/sprag/dist/browser/index.js"') });
    const served = await site({ relay: world.url, folder: root, pages: { "/": PAGE("/main.js") } });
    const { title, noise } = await titleOf(served.url);
    await served.close();
    assert.equal(title, "Hello from plain");
    assert.deepEqual(noise, []);
  });
});

describe("in React", () => {
  const TALKING = `
import { StrictMode, useEffect, useState } from "react";
import { useConnection, useConversation, useConversations, useMessages, useSprag, useVerification } from "sprag/react";

export function Talking({ relay, user, friend }) {
  const { client, error, loading } = useSprag(relay === undefined ? undefined : { relay, user });
  const connection = useConnection(client);
  const { conversations } = useConversations(client);
  const { conversation, send } = useConversation(client, friend);
  const { messages, hasMore, loadMore } = useMessages(client, friend, { limit: 2 });
  const { safetyNumber, trust, result, verify } = useVerification(client, friend);
  const [begun, setBegun] = useState(false);
  useEffect(() => {
    if (client === undefined || begun) return;
    setBegun(true);
  }, [client, begun]);
  useEffect(() => {
    if (!begun) return;
    (async () => {
      for (const text of ["one", "two", "three"]) await send(text);
    })();
  }, [begun]);
  return (
    <main>
      <p id="state">{loading ? "loading" : error ? error.code : "open"} {connection?.state} {conversations.length} {conversation?.entries}</p>
      <ol>{messages.map((entry) => <li key={entry.id}>{entry.text} {entry.state}</li>)}</ol>
      <button id="more" disabled={!hasMore} onClick={() => void loadMore()}>more</button>
      <p id="trust">{trust?.state} {result}</p>
      <button id="verify" disabled={!safetyNumber} onClick={() => void verify(safetyNumber.digits)}>verify</button>
    </main>
  );
}
export const App = (props) => <StrictMode><Talking {...props} /></StrictMode>;
`;
  const options = (root) => ({ absWorkingDir: root, bundle: true, jsx: "automatic", loader: { ".js": "jsx" }, nodePaths: [join(here, "../node_modules")], define: { "process.env.NODE_ENV": '"development"' }, logLevel: "silent" });

  test("under StrictMode", { timeout: 60_000 }, async () => {
    const { open } = await import("sprag");
    const friend = await open({ relay: world.url, user: "react-friend" });
    const { root } = project("module", {
      "app.jsx": TALKING,
      "main.jsx": `import { createRoot } from "react-dom/client";\nimport { App } from "./app.jsx";\ncreateRoot(document.body).render(<App relay=${JSON.stringify(world.url)} user="react-user" friend="react-friend" />);`,
    });
    await esbuild.build({ ...options(root), entryPoints: ["main.jsx"], format: "esm", outfile: "out/main.js" });
    const served = await site({ relay: world.url, folder: join(root, "out"), pages: { "/": PAGE("/main.js") } });
    const context = await chrome.newContext();
    const page = await context.newPage();
    const noise = [];
    page.on("console", (message) => message.type() === "error" && noise.push(message.text()));
    page.on("pageerror", (error) => noise.push(String(error)));
    await page.goto(served.url);
    const texts = () => page.locator("li").allTextContents();
    await page.waitForFunction(() => document.querySelector("#state")?.textContent.includes("open online 1 3"), undefined, { timeout: 20_000 });
    await page.waitForFunction(() => document.querySelectorAll("li").length === 2 && [...document.querySelectorAll("li")].every((item) => item.textContent.endsWith("delivered")));
    assert.deepEqual(await texts(), ["two delivered", "three delivered"]);
    await page.click("#more");
    await page.waitForFunction(() => document.querySelectorAll("li").length === 3);
    await friend.send("react-user", "four");
    await page.waitForFunction(() => [...document.querySelectorAll("li")].at(-1).textContent.startsWith("four"));
    await page.click("#verify");
    await page.waitForFunction(() => document.querySelector("#trust").textContent === "verified match");
    assert.deepEqual(noise, []);
    await context.close();
    await served.close();
    await friend.close();
  });

  test("on a server", async () => {
    const { root } = project("module", {
      "app.jsx": TALKING,
      "main.jsx": `import { renderToString } from "react-dom/server";\nimport { App } from "./app.jsx";\nconsole.log(renderToString(<App user="a" relay="http://127.0.0.1:9" friend="b" />));`,
    });
    await esbuild.build({ ...options(root), entryPoints: ["main.jsx"], platform: "node", format: "cjs", outfile: "out/main.cjs" });
    const html = execFileSync(process.execPath, ["out/main.cjs"], { cwd: root, encoding: "utf8", timeout: 20_000 });
    assert.match(html, /id="state">loading/u);
  });
});

describe("its types", () => {
  const SAMPLE = `
import { open, SpragError, type Client, type Message } from "sprag";
import { Session, Identity, encrypt } from "sprag/core";
async function main(): Promise<void> {
  const client: Client = await open({ relay: "http://127.0.0.1:7474", user: "alice" });
  client.on("message", (message: Message) => { const text: string = message.text; void text; });
  // @ts-expect-error there is no such event
  client.on("massage", () => undefined);
  const sent = await client.send("bob", "hello");
  const state: "queued" | "sending" | "sent" | "delivered" | "read" | "failed" = sent.status;
  void state;
  for await (const message of client) { const at: Date = message.written; void at; }
  for await (const told of client.events("connection", "keyChanged")) { if (told.type === "keyChanged") { const who: string = told.event.with; void who; } }
  // @ts-expect-error a position is a number
  await client.markRead("bob", "1");
  const session = await Session.start(await Identity.generate("a"), (await Identity.generate("b")).bundle());
  const bytes: Uint8Array = encrypt(session, "x");
  void bytes;
  try { await client.close(); } catch (error) { if (error instanceof SpragError && error.code === "closed") return; throw error; }
}
void main;
`;
  const tsc = join(here, "../node_modules/typescript/bin/tsc");
  const CHECKED = { noEmit: true, strict: true, target: "es2022", lib: ["es2023", "dom", "dom.iterable", "dom.asynciterable"], types: [], skipLibCheck: false };

  for (const [module, moduleResolution, name, type] of [["nodenext", "nodenext", "main.mts", "module"], ["nodenext", "nodenext", "main.cts", "commonjs"], ["esnext", "bundler", "main.ts", "module"]]) {
    test(`fit ${name} with ${moduleResolution}`, { timeout: 60_000 }, () => {
      const compilerOptions = { ...CHECKED, module, moduleResolution };
      const { root } = project(type, { [name]: SAMPLE, "tsconfig.json": JSON.stringify({ compilerOptions, files: [name] }) });
      try {
        execFileSync(process.execPath, [tsc, "-p", "."], { cwd: root, encoding: "utf8" });
      } catch (error) {
        assert.fail(error.stdout);
      }
    });
  }

  test("have no any", () => {
    const types = join(installed, "node_modules/sprag/dist/types");
    for (const name of readdirSync(types, { recursive: true })) {
      const path = join(types, name);
      if (!statSync(path).isFile()) continue;
      const text = readFileSync(path, "utf8").replaceAll(/\/\*[\s\S]*?\*\//gu, "");
      assert.ok(!/(?:[:<|,]|as|=>)\s*any\b(?! )|\bany\[\]/u.test(text.replaceAll(/"[^"\n]*"/gu, "")), name);
    }
  });
});

describe("its README", () => {
  test("has examples that run", { timeout: 60_000 }, async () => {
    const readme = readFileSync(join(installed, "node_modules/sprag/README.md"), "utf8");
    const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/gu)].map(([, code]) => code.replaceAll("http://127.0.0.1:7474", world.url));
    assert.equal(examples.length, 3);
    const [alice, bob, core] = examples;
    const { root } = project("module", {});
    const run = (name, code) => {
      writeFileSync(join(root, name), esbuild.transformSync(code, { loader: "ts", target: "es2022" }).code);
      return execFileSync(process.execPath, [name], { cwd: root, encoding: "utf8", timeout: 30_000 });
    };
    // Bob must be there; his program reads for ever, so here it ends after one message.
    const { open, file } = await import(pathToFileURL(join(root, "node_modules/sprag/dist/node/index.js")).href);
    const there = await open({ relay: world.url, user: "bob", store: file(join(root, "bob.sprag")) });
    const hearing = (async () => {
      for await (const message of there) return message.text;
      return undefined;
    })();
    writeFileSync(join(root, "alice.mjs"), esbuild.transformSync(`${alice}\nawait alice.close();`, { loader: "ts", target: "es2022" }).code);
    const child = spawn(process.execPath, ["alice.mjs"], { cwd: root });
    let said = "";
    child.stdout.on("data", (data) => (said += data));
    assert.equal(await new Promise((resolve) => child.once("exit", resolve)), 0);
    assert.match(said, /\d{60}/u);
    assert.equal(await hearing, "Hello, Bob!");
    await there.close();
    assert.match(run("bob.mjs", bob.replace("await bob.markRead(message.from, message.position);", "await bob.markRead(message.from, message.position);\n  await bob.close();")), /alice: Hello, Bob!/u);
    assert.match(run("core.mjs", core), /Hello, Bob!/u);
  });
});
