// Debian's Chromium, and pages for it: the package's own files under the strict policy of the web chat.

import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

export const CHROMIUM = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path)) ?? "/usr/bin/chromium";
const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const KINDS = { ".js": "text/javascript", ".mjs": "text/javascript", ".cjs": "text/javascript", ".html": "text/html", ".wasm": "application/wasm", ".css": "text/css", ".map": "application/json" };

/** What the web chat is served with; a relay of another origin is added for the tests. */
export const policy = (relay, wasm = "'wasm-unsafe-eval'") =>
  `default-src 'none'; script-src 'self' ${wasm}; style-src 'self'; connect-src 'self' ${relay} ${relay.replace("http", "ws")}; img-src 'self' blob:; worker-src 'self'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const BLANK = "<!doctype html><html lang=en><head><meta charset=utf-8><title>sprag</title></head><body></body></html>";

/** Serves folders under a policy. */
export async function site({ relay = "", folder = dist, csp = policy(relay), pages = {} } = {}) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname);
    const headers = csp === "" ? {} : { "content-security-policy": csp };
    const given = path === "/" ? (pages["/"] ?? BLANK) : pages[path];
    const file = join(folder, path);
    if (given !== undefined) response.writeHead(200, { ...headers, "content-type": KINDS[extname(path)] ?? "text/html" }).end(given);
    else if (path !== "/" && existsSync(file)) response.writeHead(200, { ...headers, "content-type": KINDS[extname(path)] ?? "application/octet-stream" }).end(readFileSync(file));
    else response.writeHead(path === "/favicon.ico" ? 204 : 404, headers).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))),
  };
}

const ARGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];

/** A browser with a profile that stays in a folder. */
export async function browserIn(folder) {
  return await chromium.launchPersistentContext(folder, { executablePath: CHROMIUM, args: ARGS, headless: true });
}

/** A browser that forgets. */
export async function browser() {
  return await chromium.launch({ executablePath: CHROMIUM, args: ARGS, headless: true });
}

/** A page with the package as `sprag` on its window; what is said on the console goes to `noise`. */
export async function pageOf(context, url, noise = []) {
  const page = await context.newPage();
  page.on("console", (message) => noise.push(message.text()));
  page.on("pageerror", (error) => noise.push(String(error)));
  await page.goto(url);
  await page.evaluate(async (entry) => {
    globalThis.sprag = await import(entry);
  }, `${url}browser/index.js`);
  return page;
}
