/** The page as it is built, in Chromium, under the policy that the relay gives it. `SCREENS=folder` keeps pictures. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { holdingsAt } from "../../src/learn/keys.js";
import { PARTIES, type Asked, type Play } from "../../src/learn/play.js";
import { nearest, positions, type Position } from "../../src/learn/position.js";
import { writeAddress } from "../../src/learn/address.js";
import { anyRequest } from "./chance.js";
import { openNodeEngine } from "./node-engine.js";

const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; "
  + "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const KINDS: Record<string, string> = {
  ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm",
};
const dist = fileURLToPath(new URL("../../../dist", import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const screens = process.env.SCREENS;

let engine: Awaited<ReturnType<typeof openNodeEngine>>;
let server: Server;
let origin: string;
let browser: Browser;

before(async () => {
  assert.ok(existsSync(join(dist, "learn/index.html")), "build the web app first");
  if (screens !== undefined) mkdirSync(screens, { recursive: true });
  engine = await openNodeEngine();
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://x");
    const path = join(dist, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    if (!path.startsWith(dist) || !existsSync(path)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": KINDS[extname(path)] ?? "application/octet-stream", "content-security-policy": POLICY });
    response.end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
});

after(async () => {
  await browser.close();
  server.close();
});

interface Look {
  readonly width?: number;
  readonly dark?: boolean;
}

/** A page of its own; whatever breaks the policy, asks elsewhere or fails, fails the test. */
async function look(hash: string, { width = 1280, dark = false }: Look, see: (page: Page) => Promise<void>): Promise<void> {
  const context: BrowserContext = await browser.newContext({
    viewport: { width, height: width < 500 ? 740 : 860 }, colorScheme: dark ? "dark" : "light", acceptDownloads: true,
  });
  const wrong: string[] = [];
  const page = await context.newPage();
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => { if (message.type() === "error") wrong.push(message.text()); });
  page.on("request", (request) => { if (!request.url().startsWith(origin) && !request.url().startsWith("blob:")) wrong.push(request.url()); });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => { console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`); });
  });
  await page.goto(`${origin}/learn/${hash}`);
  await page.waitForSelector(".board");
  await see(page);
  assert.deepEqual(wrong, []);
  await context.close();
}

function link(asked: Asked, at: Position | null): string {
  return writeAddress({ ...asked, at, chapter: null });
}

interface Seen {
  readonly of: string;
  readonly hex: string;
}

/** Every full hex on the page with what it is said to be, every short one, and what looks like hex elsewhere. */
async function hexOf(page: Page): Promise<{ full: Seen[]; short: string[]; loose: string[]; chosen: string }> {
  return page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    const text = (element: Element) => element.textContent;
    const full = [...document.querySelectorAll<HTMLElement>("[data-hex]")].map((element) => ({ of: element.dataset.hex ?? "", hex: text(element) }));
    const short = [...document.querySelectorAll("[data-short]")].map(text);
    const loose: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode() !== null) {
      const { currentNode } = walker;
      if (currentNode.parentElement?.closest(".hex") === null) loose.push(...(currentNode.textContent?.match(/[0-9a-f]{16,}/g) ?? []));
    }
    return { full, short, loose, chosen: document.querySelector(".chosen h3")?.textContent ?? "" };
  });
}

/** What must stand on the page at a position, from the document alone. */
async function checkHex(page: Page, play: Play, at: Position): Promise<number> {
  // Somebody asks about a key of the tree.
  const cells = page.locator(".key");
  await cells.nth((7 * at.event) % await cells.count()).click();
  const { full, short, loose, chosen } = await hexOf(page);
  const of = (what: string) => full.filter((seen) => seen.of === what).map((seen) => seen.hex);
  const step = play.steps[at.step];
  assert.ok(step !== undefined);
  const event = step.events[at.event - 1];
  if (event?.kind === "dh-step") assert.deepEqual([of("event ours"), of("event theirs")], [[event.ours], [event.theirs]]);
  else assert.deepEqual(of("event"), event?.hex == null ? [] : [event.hex]);
  const earlier = step.events.slice(0, Math.max(0, at.event - 1)).flatMap((one) => (one.kind === "dh-step" || one.hex === null ? [] : [`${one.hex.slice(0, 16)}…`]));
  assert.deepEqual(short, earlier);
  const held = holdingsAt(play, at);
  for (const party of PARTIES) {
    const keys = [...held[party].keys.filter((key) => !key.kept), ...held[party].keys.filter((key) => key.kept)];
    assert.deepEqual(of(`held ${party}`), keys.map((key) => key.hex));
  }
  const told = play.steps.slice(0, at.step + 1).flatMap((one) => (one.number === at.step ? one.events.slice(0, at.event) : one.events));
  const named = told.flatMap((one) => (one.kind !== "dh-step" && one.name === chosen && one.hex !== null ? [one.hex] : []));
  const asked = full.filter((one) => one.of.startsWith("key"));
  assert.ok(asked.length > 0 || named.length === 0, chosen);
  for (const seen of asked) assert.ok(named.includes(seen.hex), `${chosen}: ${seen.hex}`);
  for (const message of play.messages.filter(({ sealed }) => sealed <= at.step)) {
    assert.equal(of(`wire ${message.message}`).join(""), message.hex, message.message);
  }
  // Nothing else on the page looks like a key.
  assert.deepEqual(loose, []);
  return full.length + short.length;
}

void test("every hex on the page is the trace's: the guided path", async () => {
  const { play, chapters } = engine.guide("7");
  for (const chapter of chapters) {
    await look(`#seed=7&chapter=${String(chapter.number)}`, {}, async (page) => {
      assert.equal(await page.textContent("#story-title"), chapter.title);
      assert.ok(await checkHex(page, play, chapter) > 0);
    });
  }
});

void test("every hex on the page is the trace's: any play, at any moment", async () => {
  let seen = 0;
  for (let seed = 0; seed < 6; seed += 1) {
    const asked = anyRequest(seed);
    const play = engine.play(asked);
    const all = positions(play.steps);
    for (const part of [0, 0.35, 0.7, 1]) {
      const at = nearest(play.steps, all[Math.floor(part * (all.length - 1))] ?? null);
      await look(link(asked, at), {}, async (page) => { seen += await checkHex(page, play, at); });
    }
  }
  assert.ok(seen > 450, String(seen));
});

void test("what is shown as readable is what the document says", async () => {
  for (let seed = 10; seed < 16; seed += 1) {
    const asked = anyRequest(seed);
    const rows = engine.play(asked).theft?.rows ?? [];
    await look(link(asked, null), {}, async (page) => {
      const shown = await page.$$eval("[data-readable]", (elements) => elements.map((element) => {
        const { message, readable } = (element as HTMLElement).dataset;
        return [message, readable, element.textContent.includes("He reads it"), element.querySelector("path")?.getAttribute("d")?.includes("V6a3") ?? false];
      }));
      assert.deepEqual(shown, rows.map(({ message, readable }) => [message, String(readable), readable, readable]));
    });
  }
});

void test("keys step back and forth, and a reload shows the same", async () => {
  await look("#seed=7&do=A.dA1.B.dB1", {}, async (page) => {
    const text = () => page.evaluate(() => [location.hash, document.querySelector("main")?.textContent]);
    const end = await text();
    const forward = [];
    await page.keyboard.press("Home");
    for (let index = 0; index < 12; index += 1) {
      forward.push(await text());
      await page.keyboard.press("ArrowRight");
    }
    for (const state of forward.reverse()) {
      await page.keyboard.press("ArrowLeft");
      assert.deepEqual(await text(), state);
    }
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowRight");
    const middle = await text();
    await page.reload();
    await page.waitForSelector(".board");
    assert.deepEqual(await text(), middle);
    await page.keyboard.press("End");
    assert.deepEqual(await text(), end);
    // The rest of the way by letters.
    for (const key of ["a", "d", "s", "b", "x"]) await page.keyboard.press(key);
    assert.match(String((await text())[0]), /do=A\.dA1\.B\.dB1\.A\.dA2\.B\.xB2&steal=bob@6/);
  });
});

void test("everything is done with buttons too, and the export is the document", async () => {
  await look("#seed=7&chapter=9", {}, async (page) => {
    const press = (name: string | RegExp) => page.getByRole("button", { name }).first().click();
    await press("Now play yourself");
    await press(/^Alice writes/);
    assert.equal(await page.getByRole("button", { name: /^Bob writes/ }).isDisabled(), true);
    await press("Deliver A1");
    await press(/^Bob writes/);
    await press("Steal Alice's phone now");
    await press("Lose B1");
    await page.getByLabel("A single ratchet").check();
    await page.waitForSelector(".model-note");
    const [download] = await Promise.all([page.waitForEvent("download"), press("Export as JSON")]);
    const asked: Asked = { seed: "7", schedule: "A.dA1.B.xB1", design: "single-ratchet", theft: { victim: "alice", after: 3 } };
    assert.equal(readFileSync(await download.path(), "utf8"), engine.lines(asked));
  });
});

void test("nothing for axe to find, no line too long, light and dark, narrow and wide", async () => {
  const asked: Asked = { seed: "7", schedule: "A.A.A.dA3.B.dB1.A.dA4.xA2", design: "static-key", theft: { victim: "bob", after: 4 } };
  const pages = { keys: "#seed=7&chapter=1", proof: "#seed=7&chapter=9", free: "#seed=7&do=", play: link({ ...asked, design: "double-ratchet" }, { step: 5, event: 3 }), model: link(asked, null) };
  for (const [name, hash] of Object.entries(pages)) {
    for (const width of [360, 1280]) {
      for (const dark of [false, true]) {
        await look(hash, { width, dark }, async (page) => {
          const where = `${name}-${String(width)}-${dark ? "dark" : "light"}`;
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(wide <= 0, `${where} is ${String(wide)} too wide`);
          if (screens !== undefined) {
            await page.screenshot({ path: join(screens, `${where}.png`) });
            await page.screenshot({ path: join(screens, `${where}-full.png`), fullPage: true });
          }
          await page.evaluate(axe);
          const found = await page.evaluate("axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html).join(' ')))");
          assert.deepEqual(found, [], where);
        });
      }
    }
  }
});
