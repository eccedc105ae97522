// The package in Debian's Chromium: tabs that share a profile, what is on the disk, what is missing in a page.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { open } from "sprag";
import { browser, browserIn, pageOf, policy, site } from "./support/browser.mjs";
import { next, take, World } from "./support/relay.mjs";
import { found, noteSeeds, secretsOf } from "./support/secrets.mjs";

const ROUNDS = Number(process.env.SPRAG_KILL_ROUNDS ?? 5);
const LEADS_WITHIN = 1000;

let world;
let home;
let chrome;
before(async () => {
  world = await World.start();
  home = await site({ relay: world.url });
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await home?.close();
  await world?.end();
});

let count = 0;
const fresh = (name) => `${name}${(count += 1)}`;
const openIn = (page, options) =>
  page.evaluate(async (options) => {
    globalThis.client = await globalThis.sprag.open(options);
    return { account: client.account, leading: client.leading };
  }, options);

describe("tabs", () => {
  test("three send a hundred messages each at once, and 300 arrive once, each tab's in order", async () => {
    const [user, reader] = [fresh("tabs"), await open({ relay: world.url, user: fresh("reader") })];
    const noise = [];
    const context = await chrome.newContext();
    const tabs = [];
    for (let tab = 0; tab < 3; tab += 1) tabs.push(await pageOf(context, home.url, noise));
    const opened = await Promise.all(tabs.map((page) => openIn(page, { relay: world.url, user })));
    assert.equal(opened.filter(({ leading }) => leading).length, 1);
    const reading = take(reader, 300);
    const send = (page, tab) =>
      page.evaluate(
        async ([to, tab]) => {
          for (let number = 0; number < 100; number += 1) await client.send(to, `${tab} ${number}`);
        },
        [reader.account, tab],
      );
    await Promise.all(tabs.map(send));
    const texts = (await reading).map((message) => message.text);
    assert.equal(new Set(texts).size, 300);
    for (let tab = 0; tab < 3; tab += 1) {
      const own = texts.filter((text) => text.startsWith(`${tab} `)).map((text) => Number(text.split(" ")[1]));
      assert.deepEqual(own, Array.from({ length: 100 }, (_, number) => number));
    }
    const seen = await tabs[2].evaluate(async (to) => (await client.messages(to, { limit: 500 })).length, reader.account);
    assert.equal(seen, 300);
    assert.deepEqual(noise, []);
    await context.close();
    await reader.close();
  });

  test("the leader is gone, another leads within a second, and a call in flight is done once", async () => {
    const [user, reader] = [fresh("tabs"), await open({ relay: world.url, user: fresh("reader") })];
    const context = await chrome.newContext();
    const leader = await pageOf(context, home.url);
    await openIn(leader, { relay: world.url, user });
    const followers = [await pageOf(context, home.url), await pageOf(context, home.url)];
    for (const page of followers) assert.deepEqual(await openIn(page, { relay: world.url, user }), { account: user, leading: false });
    await followers[0].evaluate((to) => client.send(to, "before").then(() => undefined), reader.account);
    const times = [];
    for (const [round, page] of [leader, followers[0]].entries()) {
      const rest = round === 0 ? followers : [followers[1]];
      // Calls are under way all the while, from a tab that stays.
      const sending = followers[1].evaluate(
        async ([to, round]) => {
          for (let number = 0; number < 40; number += 1) await client.send(to, `${round} ${number}`);
        },
        [reader.account, round],
      );
      await new Promise((resolve) => setTimeout(resolve, 150));
      const began = Date.now();
      await page.close({ runBeforeUnload: false });
      await Promise.any(rest.map((page) => page.waitForFunction(() => client.leading, undefined, { polling: 10 })));
      times.push(Date.now() - began);
      await sending;
    }
    assert.ok(times.every((time) => time < LEADS_WITHIN), `another led after ${times.join(" and ")} ms`);
    console.log(`# another tab leads after ${times.join(" and ")} ms`);
    const texts = (await take(reader, 81)).map((message) => message.text);
    const expected = ["before", ...[0, 1].flatMap((round) => Array.from({ length: 40 }, (_, number) => `${round} ${number}`))];
    assert.deepEqual(texts, expected);
    await followers[1].evaluate((to) => client.send(to, "last").then((sent) => sent.reached("delivered")), reader.account);
    const all = (await reader.messages(user, { limit: 500 })).map((entry) => entry.text);
    assert.deepEqual(all, [...expected, "last"]);
    await context.close();
    await reader.close();
  });

  test("a tab that hears, progress, files and errors cross tabs", async () => {
    const [user, friend] = [fresh("tabs"), await open({ relay: world.url, user: fresh("friend") })];
    const context = await chrome.newContext();
    const leader = await pageOf(context, home.url);
    await openIn(leader, { relay: world.url, user });
    const follower = await pageOf(context, home.url);
    await openIn(follower, { relay: world.url, user });
    const heard = follower.evaluate(() => new Promise((resolve) => client.once("message", (message) => resolve(message.text))));
    await follower.evaluate((to) => client.meet(to).then(() => undefined), friend.account);
    await friend.send(user, "to every tab");
    assert.equal(await heard, "to every tab");
    const arrives = next(friend, "message");
    const told = await follower.evaluate(async (to) => {
      const steps = [];
      await client.sendFile(to, new File([new Uint8Array(200_000).fill(5)], "five.bin"), { onProgress: ({ done }) => steps.push(done) });
      return steps.at(-1);
    }, friend.account);
    assert.equal(told, 200_000);
    const { file } = await arrives;
    assert.deepEqual(new Uint8Array(await (await friend.download(file)).arrayBuffer()), new Uint8Array(200_000).fill(5));
    const error = await follower.evaluate(async () => {
      try {
        await client.send("No Name", "x");
        return undefined;
      } catch (error) {
        return [error instanceof globalThis.sprag.SpragError, error.code];
      }
    });
    assert.deepEqual(error, [true, "bad-name"]);
    const wrong = await follower.evaluate(async (relay) => await globalThis.sprag.open({ relay, store: globalThis.sprag.indexedDb("other") }).then(String, (error) => error.code), world.url);
    assert.equal(wrong, "no-profile");
    await leader.evaluate(() => client.close());
    await follower.waitForFunction(() => client.leading, undefined, { polling: 10 });
    await follower.evaluate((to) => client.send(to, "goes on").then((sent) => sent.reached("sent")), friend.account);
    await context.close();
    await friend.close();
  });

  test("a leader that is stuck is replaced, and changes nothing any more", { timeout: 60_000 }, async () => {
    const [user, reader] = [fresh("tabs"), await open({ relay: world.url, user: fresh("reader") })];
    const context = await chrome.newContext();
    const [leader, follower] = [await pageOf(context, home.url), await pageOf(context, home.url)];
    await openIn(leader, { relay: world.url, user });
    await openIn(follower, { relay: world.url, user });
    const stuck = leader.evaluate(() => {
      const end = Date.now() + 14_000;
      while (Date.now() < end);
    });
    await follower.evaluate((to) => client.send(to, "past the one that is stuck").then(() => undefined), reader.account);
    assert.equal(await follower.evaluate(() => client.leading), true);
    await stuck;
    await leader.evaluate((to) => client.send(to, "and from it").then(() => undefined), reader.account);
    assert.equal(await leader.evaluate(() => client.leading), false);
    assert.deepEqual((await take(reader, 2)).map((message) => message.text), ["past the one that is stuck", "and from it"]);
    await context.close();
    await reader.close();
  });
});

describe("what is on the disk", () => {
  test("holds none of twenty planted texts and names, and no key; the wrapping key refuses export", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sprag-disk-"));
    const context = await browserIn(folder);
    await context.addInitScript(noteSeeds);
    const user = fresh("planted-own-name");
    const friends = [fresh("planted-friend"), fresh("planted-friend")];
    const readers = await Promise.all(friends.map((user) => open({ relay: world.url, user })));
    const page = await pageOf(context, home.url);
    await openIn(page, { relay: world.url, user });
    const texts = Array.from({ length: 14 }, (_, index) => `planted plaintext number ${index}`);
    await page.evaluate(
      async ([friends, texts]) => {
        for (const [index, text] of texts.entries()) await client.send(friends[index % 2], text);
        await client.sendFile(friends[0], new File(["planted file content"], "planted-file-name.txt"), { caption: "planted caption" });
        await client.settled();
      },
      [friends, texts],
    );
    await readers[0].send(user, "planted answer");
    await page.waitForFunction(async (friend) => (await client.messages(friend)).some((entry) => entry.text === "planted answer"), friends[0]);
    const dumped = await page.evaluate(async () => {
      const [{ name }] = await indexedDB.databases();
      const db = await new Promise((resolve) => {
        const request = indexedDB.open(name);
        request.onsuccess = () => resolve(request.result);
      });
      const all = (store, what) =>
        new Promise((resolve) => {
          const request = db.transaction(store).objectStore(store)[what]();
          request.onsuccess = () => resolve(request.result);
        });
      const bytes = [...(await all("rows", "getAllKeys")), ...(await all("rows", "getAll"))].map((value) => [...new Uint8Array(value)]);
      const keys = (await all("guard", "getAll")).filter((value) => value instanceof CryptoKey);
      const refused = await Promise.all(["raw", "jwk"].map((format) => crypto.subtle.exportKey(format, keys[0]).then(() => false, () => true)));
      const kept = { ...localStorage };
      db.close();
      return { name, bytes, kept: JSON.stringify(kept), keys: keys.length, refused, rows: bytes.length, seeds: globalThis.seeds };
    });
    assert.equal(dumped.keys, 1);
    assert.deepEqual(dumped.refused, [true, true]);
    assert.ok(dumped.rows > 40);
    const planted = [...texts, ...friends, user, "planted file content", "planted-file-name", "planted caption", "planted answer"];
    assert.ok(planted.length >= 20);
    const whole = Buffer.concat([Buffer.from(dumped.name), Buffer.from(dumped.kept), ...dumped.bytes.map((bytes) => Buffer.from(bytes))]);
    for (const text of planted) {
      assert.ok(!whole.includes(Buffer.from(text, "utf8")), text);
      assert.ok(!whole.includes(Buffer.from(text, "utf16le")), text);
    }
    // The store's key and the client's generator have one each.
    assert.ok(dumped.seeds.length >= 2);
    const secrets = secretsOf(dumped.seeds);
    assert.equal(found(secrets, whole), 0);
    await context.close();
    // The browser's own files too: whatever it writes beside the database.
    const files = readdirSync(folder, { recursive: true }).map((name) => join(folder, name)).filter((path) => statSync(path).isFile() && /IndexedDB|Local Storage/u.test(path));
    assert.ok(files.length > 0);
    for (const path of files) {
      const bytes = readFileSync(path);
      for (const text of planted) assert.ok(!bytes.includes(text) && !bytes.includes(Buffer.from(text, "utf16le")), `${path}: ${text}`);
      assert.equal(found(secrets, bytes), 0, path);
    }
    await Promise.all(readers.map((reader) => reader.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  test("would be seen to hold a key where one is in the clear", async () => {
    const context = await chrome.newContext();
    await context.addInitScript(noteSeeds);
    const page = await pageOf(context, home.url);
    const { state, seeds } = await page.evaluate(async (entry) => {
      const { Identity } = await import(entry);
      const identity = await Identity.generate("alice");
      await identity.oneTimeBundles();
      return { state: [...identity.export()], seeds: globalThis.seeds };
    }, `${home.url}browser/core.js`);
    await context.close();
    // At least the account's key, the device's, and two hundred prekeys.
    assert.ok(found(secretsOf(seeds), Buffer.from(state)) > 200);
  });

  test(`survives ${ROUNDS} times that Chromium is killed while it sends`, { timeout: 20_000 * ROUNDS + 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "sprag-kill-"));
    const [user, reader] = [fresh("killed"), await open({ relay: world.url, user: fresh("reader") })];
    const lies = [];
    for (const kind of ["unreadable", "relayLies"]) reader.on(kind, (event) => lies.push([kind, event]));
    const accepted = new Set();
    for (let round = 0; round < ROUNDS; round += 1) {
      const context = await browserIn(folder);
      const afresh = [];
      await context.exposeFunction("kept", (text) => void accepted.add(text));
      await context.exposeFunction("afresh", () => void afresh.push(round));
      const page = await pageOf(context, home.url);
      await page.evaluate(
        async ([relay, user]) => {
          globalThis.client = await globalThis.sprag.open({ relay, user });
          client.on("startedAfresh", () => globalThis.afresh());
          client.on("cloned", () => globalThis.afresh());
        },
        [world.url, user],
      );
      // Not awaited: it goes on until it is killed.
      page
        .evaluate(
          async ([to, round]) => {
            for (let number = 0; ; number += 1) {
              const text = `${round} ${number}`;
              await client.send(to, text);
              await globalThis.kept(text);
            }
          },
          [reader.account, round],
        )
        .catch(() => undefined);
      // Somewhere between one acceptance and the next.
      while (!accepted.has(`${round} 0`)) await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setTimeout(resolve, (round * 37) % 100));
      await killIn(folder);
      await context.close().catch(() => undefined);
      assert.deepEqual(afresh, [], "the device was taken for an older copy of itself: a number was used twice");
    }
    // What was accepted is sent once the browser is back, and everything goes on.
    const context = await browserIn(folder);
    const page = await pageOf(context, home.url);
    await openIn(page, { relay: world.url, user });
    await page.evaluate((to) => client.send(to, "the end").then((sent) => sent.reached("delivered")), reader.account);
    const texts = [];
    for await (const message of reader) {
      texts.push(message.text);
      if (message.text === "the end") break;
    }
    assert.equal(new Set(texts).size, texts.length, "a message was read twice");
    for (const text of accepted) assert.ok(texts.includes(text), `${text} was accepted and never read`);
    assert.deepEqual(lies, []);
    console.log(`# ${ROUNDS} rounds, ${accepted.size} messages accepted, ${texts.length} read`);
    await context.close();
    await reader.close();
    rmSync(folder, { recursive: true, force: true });
  });
});

/** Ends the browser of this folder, at once. Only what this test has started has the folder on its command line. */
async function killIn(folder) {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/u.test(name));
  for (const number of numbers) {
    try {
      if (readFileSync(`/proc/${number}/cmdline`, "latin1").includes(`--user-data-dir=${folder}`)) process.kill(Number(number), "SIGKILL");
    } catch {
      // It is gone already.
    }
  }
}

describe("a page that lacks something", () => {
  const code = (page, options) => page.evaluate(async (options) => await globalThis.sprag.open(options).then(() => "opened", (error) => error.code), options);

  test("WebAssembly, by its policy", async () => {
    const strict = await site({ relay: world.url, csp: policy(world.url, "") });
    const context = await chrome.newContext();
    assert.equal(await code(await pageOf(context, strict.url), { relay: world.url, user: "nobody" }), "CSP_BLOCKS_WASM");
    await context.close();
    await strict.close();
  });

  test("IndexedDB, WebCrypto, DecompressionStream, WebAssembly: old browsers and private windows", async () => {
    const context = await chrome.newContext();
    for (const [name, expected] of [["indexedDB", "NO_INDEXEDDB"], ["crypto", "NO_WEBCRYPTO"], ["DecompressionStream", "NO_DECOMPRESSION"], ["WebAssembly", "NO_WASM"]]) {
      const page = await pageOf(context, home.url);
      await page.evaluate((name) => Object.defineProperty(globalThis, name, { value: undefined, configurable: true }), name);
      assert.equal(await code(page, { relay: world.url, user: "nobody" }), expected, name);
      await page.close();
    }
    await context.close();
  });

  test("its storage, which the browser has thrown away", async () => {
    const context = await chrome.newContext();
    const page = await pageOf(context, home.url);
    const user = fresh("evicted");
    await openIn(page, { relay: world.url, user });
    const ended = await page.evaluate(async () => {
      const closed = new Promise((resolve) => client.once("closed", () => resolve(client.connection.why.code)));
      const [{ name }] = await indexedDB.databases();
      await new Promise((resolve) => (indexedDB.deleteDatabase(name).onsuccess = resolve));
      return await closed;
    });
    assert.equal(ended, "STORAGE_EVICTED");
    assert.equal(await code(page, { relay: world.url, user }), "STORAGE_EVICTED");
    const found = await page.evaluate(async (options) => await globalThis.sprag.findProfile(options).then(String, (error) => error.code), { relay: world.url, user });
    assert.equal(found, "STORAGE_EVICTED");
    await page.evaluate(async (options) => await globalThis.sprag.forgetProfile(options), { relay: world.url, user });
    assert.equal(await code(page, { relay: world.url, user }), "name-taken");
    await context.close();
  });

  test("the right passphrase", async () => {
    const context = await chrome.newContext();
    const page = await pageOf(context, home.url);
    const user = fresh("locked");
    await openIn(page, { relay: world.url, user, passphrase: "correct horse" });
    const other = await pageOf(context, home.url);
    assert.equal(await code(other, { relay: world.url, user }), "PASSPHRASE_NEEDED");
    assert.equal(await code(other, { relay: world.url, user, passphrase: "wrong" }), "wrong-key");
    assert.equal(await code(other, { relay: world.url, user, passphrase: "correct horse" }), "opened");
    await context.close();
  });
});

test("a passkey opens what a passphrase opens", async () => {
  const context = await chrome.newContext();
  const local = home.url.replace("127.0.0.1", "localhost");
  const page = await context.newPage();
  await page.goto(local);
  const session = await context.newCDPSession(page);
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, hasPrf: true },
  });
  const user = fresh("passkey");
  const outcome = await page.evaluate(
    async ([entry, relay, user]) => {
      const sprag = await import(entry);
      const client = await sprag.open({ relay, user, passphrase: "correct horse" });
      await client.addPasskey();
      const protection = await client.protection();
      await client.close();
      const again = await sprag.open({ relay, user, passkey: true });
      const { account } = again;
      await again.setPassphrase(null);
      const bare = await again.protection();
      await again.close();
      return { protection, account, bare };
    },
    [`${local}browser/index.js`, world.url, user],
  );
  assert.equal(outcome.account, user);
  assert.equal(outcome.protection.passphrase, true);
  assert.equal(outcome.protection.passkeys, 1);
  assert.equal(outcome.bare.passkeys, 0);
  await context.close();
});
