/** The chat: the list, what happens in it, where one is, notices, files, searching. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat } from "../src/model/chat.js";
import { KEEPS_NOTHING, type DraftKeeper } from "../src/model/drafts.js";
import type { Steps } from "../src/model/place.js";
import { around } from "../src/model/searching.js";
import { MemoryError, World, type MemoryClient } from "./memory.js";

/** A browser's history in memory. */
function history(): Steps & { back(): void } {
  let listener: (step: number | undefined) => void = () => undefined;
  const steps: number[] = [];
  return {
    push: (step) => { steps.push(step); },
    replace: (step) => { steps[Math.max(0, steps.length - 1)] = step; },
    back: () => {
      steps.pop();
      listener(steps.at(-1));
    },
    onMove: (heard) => { listener = heard; },
  };
}

const settled = async () => { for (let at = 0; at < 60; at += 1) await Promise.resolve(); };

async function start(keeper: DraftKeeper = KEEPS_NOTHING): Promise<{ world: World; alice: MemoryClient; chat: Chat; ended: () => number }> {
  const world = new World();
  const alice = world.client("alice");
  world.client("bob");
  world.client("carol");
  let ends = 0;
  const chat = new Chat(alice, history(), keeper, () => { ends += 1; });
  await chat.start();
  return { world, alice, chat, ended: () => ends };
}

const names = (chat: Chat) => chat.rows.value.map(({ conversation }) => conversation.with);

void test("the list has what happened last first, with what was said and how much is unread", async () => {
  const { world, alice, chat } = await start();
  alice.add("bob", { own: false, text: "one" });
  world.pass(1000);
  alice.add("carol", { own: false, text: "two" });
  alice.add("carol", { own: false, text: "three" });
  await settled();
  assert.deepEqual(names(chat), ["carol", "bob"]);
  const first = chat.rows.value[0];
  assert.equal(first?.conversation.unread, 2);
  assert.equal(first?.last?.kind === "message" ? first.last.text : "", "three");
  assert.equal(chat.unread.value, 3);
  await alice.markRead("carol");
  await settled();
  assert.equal(chat.unread.value, 1);
});

void test("what is said while the list is asked for is not missed", async () => {
  const { alice, chat } = await start();
  const loading = chat.loadRows();
  alice.add("bob", { own: false, text: "in between" });
  await loading;
  await settled();
  assert.equal(chat.unread.value, 1);
});

void test("how far the last message has come is seen in the list", async () => {
  const { alice, chat } = await start();
  const sent = alice.add("bob", { own: true, text: "hello", state: "queued" });
  await settled();
  assert.equal(chat.waiting.value, 1);
  alice.walk("bob", sent.id, "delivered");
  await settled();
  const last = chat.rows.value[0]?.last;
  assert.equal(last?.kind === "message" ? last.state : undefined, "delivered");
  assert.equal(chat.waiting.value, 0);
});

void test("Back leads where one was, and drafts stay with their conversations", async () => {
  const { alice, chat } = await start();
  alice.add("bob", { own: false, text: "hi" });
  alice.add("carol", { own: false, text: "hi" });
  await settled();
  chat.show("bob");
  chat.drafts.set("bob", "to bob");
  chat.places.go({ at: "verify", with: "bob" });
  const talk = chat.talk.value;
  assert.equal(talk?.with, "bob", "the conversation stays open below");
  chat.places.back();
  assert.equal(chat.talk.value, talk);
  chat.show("carol");
  assert.equal(chat.drafts.of("carol"), "");
  chat.places.back();
  assert.deepEqual(chat.places.now.value, { at: "talk", with: "bob" });
  assert.equal(chat.drafts.of("bob"), "to bob");
  chat.places.back();
  chat.places.back();
  assert.deepEqual(chat.places.now.value, { at: "list" });
});

void test("the arrows go through the list and stop at its ends", async () => {
  const { world, alice, chat } = await start();
  alice.add("bob", { own: false, text: "hi" });
  world.pass(1);
  alice.add("carol", { own: false, text: "hi" });
  await settled();
  const open = () => chat.talk.value?.with;
  chat.step(1);
  assert.equal(open(), "carol");
  chat.step(1);
  assert.equal(open(), "bob");
  chat.step(1);
  assert.equal(open(), "bob");
  chat.step(-1);
  chat.step(-1);
  assert.equal(open(), "carol");
});

void test("a new conversation begins with somebody who is there, however the name is typed", async () => {
  const { chat } = await start();
  chat.places.go({ at: "new" });
  assert.equal(await chat.begin("  @Bob "), undefined);
  assert.deepEqual(chat.places.now.value, { at: "talk", with: "bob" });
  assert.deepEqual(names(chat), ["bob"]);
  assert.equal((await chat.begin("nobody"))?.code, "no-such-account");
  assert.equal((await chat.begin("alice"))?.code, "own-account");
  assert.deepEqual(chat.places.now.value, { at: "talk", with: "bob" });
});

void test("a hit opens its conversation where it is, also in the one that is open", async () => {
  const { alice, chat } = await start();
  for (let at = 0; at < 300; at += 1) alice.add("bob", { own: true, text: at === 20 ? "the needle" : "hay" });
  await chat.searching.search("needle");
  const hit = chat.searching.hits.value[0];
  assert.equal(hit?.entry.position, 20);
  chat.show("bob", 20);
  await settled();
  const talk = chat.talk.value;
  assert.equal(talk?.target.value?.position, 20);
  assert.equal(talk?.entries.value.some((entry) => entry.position === 20), true);
  chat.show("bob", 250);
  await settled();
  assert.equal(chat.talk.value, talk);
  assert.equal(talk?.target.value?.position, 250);
});

void test("only the last of several searches counts", async () => {
  const { alice, chat } = await start();
  alice.add("bob", { own: true, text: "apples" });
  alice.add("bob", { own: true, text: "pears" });
  const first = chat.searching.search("apples");
  await chat.searching.search("pears");
  await first;
  assert.deepEqual(chat.searching.hits.value.map(({ entry }) => entry.text), ["pears"]);
  await chat.searching.search("  ");
  assert.deepEqual(chat.searching.hits.value, []);
  alice.failing.set("search", new MemoryError("store-io", "it cannot be read", "reload"));
  await chat.searching.search("x");
  assert.equal(chat.searching.problem.value?.code, "store-io");
});

void test("a hit is shown with what stands around it", () => {
  assert.deepEqual(around("the plan for Saturday", "PLAN"), { before: "the ", hit: "plan", after: " for Saturday" });
  const far = around(`${"word ".repeat(50)}needle and more`, "needle");
  assert.equal(far.before.startsWith("… "), true);
  assert.equal(far.before.length < 40, true);
  assert.deepEqual(around("nothing here", "zzz"), { before: "nothing here", hit: "", after: "" });
});

void test("a file goes with progress, can be stopped, and failed ones can be tried again", async () => {
  const { alice, chat } = await start();
  let proceed: () => void = () => undefined;
  alice.transfer = async (progress, signal) => {
    progress(50, 200);
    await new Promise<void>((resolve, reject) => {
      proceed = resolve;
      signal?.addEventListener("abort", () => { reject(new MemoryError("ABORTED")); });
    });
  };
  const file = new File([new Uint8Array(100)], "a.bin");
  const sending = chat.transfers.send("bob", file, "");
  await settled();
  assert.equal(chat.transfers.uploads.value[0]?.done, 25);
  proceed();
  await sending;
  const uploads = () => chat.transfers.uploads.value;
  assert.equal(uploads().length, 0);
  assert.equal(alice.talk("bob").entries.length, 1);

  const stopped = chat.transfers.send("bob", file, "");
  await settled();
  chat.transfers.drop(uploads()[0]?.key ?? -1);
  await stopped;
  assert.equal(uploads().length, 0);
  assert.equal(alice.talk("bob").entries.length, 1);

  alice.transfer = () => Promise.reject(new MemoryError("quota-exceeded", "no room is left", "wait"));
  await chat.transfers.send("bob", file, "");
  const failed = uploads()[0];
  assert.equal(failed?.problem?.text, "No room is left.");
  alice.transfer = () => Promise.resolve();
  await chat.transfers.again(failed?.key ?? -1);
  assert.equal(uploads().length, 0);
  assert.equal(alice.talk("bob").entries.length, 2);
});

void test("files that are empty or too large are refused before anything is sent", async () => {
  const { alice, chat } = await start();
  await chat.transfers.send("bob", new File([], "empty"), "");
  assert.equal(chat.transfers.uploads.value[0]?.problem?.code, "file-length");
  assert.equal(alice.talks.has("bob"), false);
});

void test("an attachment is fetched once, shows how far it is, and can be stopped", async () => {
  const { alice, chat } = await start();
  const reference = { name: "a.bin", mediaType: "application/octet-stream", length: 10, reference: "r" };
  let proceed: () => void = () => undefined;
  alice.transfer = async (progress, signal) => {
    progress(5, 10);
    await new Promise<void>((resolve, reject) => {
      proceed = resolve;
      signal?.addEventListener("abort", () => { reject(new MemoryError("ABORTED")); });
    });
  };
  const first = chat.transfers.fetch(reference);
  await settled();
  assert.deepEqual(chat.transfers.downloads.value.get("r"), { at: "going", done: 5, total: 10 });
  chat.transfers.stopFetching("r");
  assert.equal(await first, undefined);
  assert.equal(chat.transfers.downloads.value.has("r"), false);
  const second = chat.transfers.fetch(reference);
  await settled();
  proceed();
  const blob = await second;
  assert.equal(blob?.size, 10);
  assert.equal(await chat.transfers.fetch(reference), blob);
});

void test("trouble is told once, until it is put away; the end of the client is heard", async () => {
  const { alice, chat, ended } = await start();
  alice.emit("unreadable", { from: "bob", device: 1 });
  alice.emit("unreadable", { from: "bob", device: 1 });
  alice.emit("cloned", {});
  assert.deepEqual(chat.notices.value.map(({ key }) => key), ["unreadable bob", "cloned"]);
  chat.putAway("cloned");
  assert.equal(chat.notices.value.length, 1);
  alice.failing.set("conversations", new MemoryError("store-io"));
  await chat.loadRows();
  assert.equal(chat.notices.value.at(-1)?.key, "list");
  await alice.close();
  assert.equal(ended(), 1);
});

void test("a new key shows in the list, in the conversation and in its verification", async () => {
  const { alice, chat } = await start();
  await alice.setVerified("bob");
  alice.add("bob", { own: false, text: "hi" });
  await settled();
  chat.show("bob");
  await settled();
  alice.offer("bob", "another key");
  await settled();
  assert.deepEqual(chat.rows.value[0]?.conversation.trust, { state: "key-changed", wasVerified: true });
  assert.deepEqual(chat.talk.value?.peer.value?.trust, { state: "key-changed", wasVerified: true });
  await chat.talk.value?.acceptKey();
  assert.deepEqual(chat.talk.value?.peer.value?.trust, { state: "first-use" });
  assert.equal(chat.talk.value?.entries.value.at(-1)?.kind, "key-changed");
});

void test("when another tab leads everything is looked at anew", async () => {
  const { alice, chat } = await start();
  alice.add("bob", { own: true, text: "hi" });
  chat.show("bob");
  await settled();
  // Heard by nobody.
  const { entries } = alice.talk("bob");
  entries.push(...entries.map((entry) => ({ ...entry, position: 1 })));
  alice.emit("refresh", { leading: false });
  await settled();
  assert.equal(chat.talk.value?.entries.value.length, 2);
  assert.equal(chat.rows.value[0]?.last?.position, 1);
});

void test("drafts are kept in the order in which they were written", async () => {
  const saved: Readonly<Record<string, string>>[] = [];
  const keeper: DraftKeeper = {
    load: () => Promise.resolve({ carol: "from before", bob: "old" }),
    save: (drafts) => {
      saved.push(drafts);
      return Promise.resolve();
    },
  };
  const { chat } = await start(keeper);
  assert.equal(chat.drafts.of("carol"), "from before");
  chat.drafts.set("bob", "n");
  chat.drafts.set("bob", "new");
  chat.drafts.set("carol", "");
  await chat.drafts.kept();
  assert.deepEqual(saved.at(-1), { bob: "new" });
});
