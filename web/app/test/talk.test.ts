/** A conversation as it is looked at: pages, the line above what is unread, what is read, drafts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Drafts, KEEPS_NOTHING } from "../src/model/drafts.js";
import { PAGE, Talk } from "../src/model/talk.js";
import { MemoryError, World, type MemoryClient } from "./memory.js";

function world(): { alice: MemoryClient; drafts: Drafts; talk: Talk; world: World } {
  const world = new World();
  const alice = world.client("alice");
  world.client("bob");
  const drafts = new Drafts(KEEPS_NOTHING);
  const talk = new Talk("bob", alice, drafts);
  alice.on("entry", ({ with: user, entry }) => { if (user === "bob") talk.heard(entry); });
  alice.on("state", (event) => { talk.walked(event); });
  return { alice, drafts, talk, world };
}

function fill(alice: MemoryClient, count: number, own = true): void {
  for (let at = 0; at < count; at += 1) alice.add("bob", { own, text: `message ${String(at)}` });
}

const positions = (talk: Talk) => talk.entries.value.map((entry) => entry.position);
const settled = async () => { for (let at = 0; at < 20; at += 1) await Promise.resolve(); };

void test("it opens at the newest page and grows upward until there is no more", async () => {
  const { alice, talk } = world();
  fill(alice, PAGE * 2 + 7);
  await talk.open();
  assert.equal(talk.entries.value.length, PAGE);
  assert.equal(talk.entries.value.at(-1)?.position, PAGE * 2 + 6);
  assert.equal(talk.hasOlder.value, true);
  await talk.loadOlder();
  await talk.loadOlder();
  assert.deepEqual(positions(talk), Array.from({ length: PAGE * 2 + 7 }, (_, at) => at));
  assert.equal(talk.hasOlder.value, false);
  await talk.loadOlder();
  assert.equal(talk.entries.value.length, PAGE * 2 + 7);
});

void test("two loads at once are one", async () => {
  const { alice, talk } = world();
  fill(alice, PAGE * 3);
  await talk.open();
  await Promise.all([talk.loadOlder(), talk.loadOlder()]);
  assert.equal(talk.entries.value.length, PAGE * 2);
});

void test("far up, the newest are let go, and come back on the way down", async () => {
  const { alice, talk } = world();
  fill(alice, 700);
  await talk.open();
  for (let at = 0; at < 13; at += 1) await talk.loadOlder();
  assert.equal(talk.entries.value.length, 400);
  assert.equal(talk.hasNewer.value, true);
  assert.equal(talk.entries.value[0]?.position, 0);
  // What is said now would leave a gap: it is not shown before what lies between.
  alice.add("bob", { own: false, text: "new" });
  assert.equal(talk.entries.value.length, 400);
  while (talk.hasNewer.value) await talk.loadNewer();
  assert.equal(talk.entries.value.at(-1)?.position, 700);
  assert.equal(talk.entries.value.length, 400);
  assert.equal(talk.hasOlder.value, true);
  await talk.jump(3);
  assert.equal(positions(talk).includes(3), true);
  await talk.toNewest();
  assert.equal(talk.entries.value.at(-1)?.position, 700);
  assert.equal(talk.hasNewer.value, false);
});

void test("the line stands above what was unread when one came, and goes when one answers", async () => {
  const { alice, talk } = world();
  fill(alice, 3);
  alice.talk("bob").readBelow = 3;
  fill(alice, 2, false);
  await talk.open();
  assert.equal(talk.divider.value, 3);
  talk.watch(true);
  await settled();
  assert.deepEqual(alice.marked, [{ user: "bob", through: 4 }]);
  assert.equal(talk.divider.value, 3, "it stays while one reads");
  assert.equal(await talk.send("hello"), true);
  assert.equal(talk.divider.value, undefined);
});

void test("with many unread it opens at the first of them", async () => {
  const { alice, talk } = world();
  fill(alice, 200);
  alice.talk("bob").readBelow = 200;
  fill(alice, 120, false);
  await talk.open();
  assert.equal(talk.divider.value, 200);
  assert.equal(positions(talk).includes(199) && positions(talk).includes(200), true);
  assert.equal(talk.hasNewer.value, true);
  talk.watch(true);
  assert.deepEqual(alice.marked, [], "what is not loaded is not read");
});

void test("what arrives is read only while it is looked at", async () => {
  const { alice, talk } = world();
  fill(alice, 1);
  await talk.open();
  talk.watch(true);
  await settled();
  alice.marked.length = 0;
  alice.add("bob", { own: false, text: "seen" });
  await settled();
  assert.deepEqual(alice.marked.map((it) => it.through), [1]);
  assert.equal(talk.divider.value, undefined);
  talk.watch(false);
  alice.add("bob", { own: false, text: "not seen" });
  await settled();
  assert.equal(alice.marked.length, 1);
  assert.equal(talk.divider.value, 2);
  talk.watch(true);
  await settled();
  assert.deepEqual(alice.marked.map((it) => it.through), [1, 2]);
});

void test("reading that could not be kept is tried again", async () => {
  const { alice, talk } = world();
  fill(alice, 2, false);
  await talk.open();
  alice.failing.set("markRead", new MemoryError("store-io"));
  talk.watch(true);
  await settled();
  assert.equal(alice.marked.length, 0);
  talk.watch(true);
  await settled();
  assert.equal(alice.marked.length, 1);
});

void test("a message walks in its place, and an entry that comes twice is there once", async () => {
  const { alice, talk } = world();
  await talk.open();
  const entry = alice.add("bob", { own: true, text: "hello", state: "queued" });
  for (const state of ["sending", "sent", "delivered", "read"] as const) {
    alice.walk("bob", entry.id, state);
    const shown = talk.entries.value[0];
    assert.equal(shown?.kind === "message" ? shown.state : undefined, state);
  }
  talk.heard(entry);
  assert.equal(talk.entries.value.length, 1);
});

void test("what fails to be kept is a draft again, with what was written since", async () => {
  const { alice, drafts, talk } = world();
  await talk.open();
  drafts.set("bob", "hello");
  alice.failing.set("send", new MemoryError("disk-full", "the disk is full", "make room"));
  const sending = talk.send("hello");
  assert.equal(drafts.of("bob"), "");
  drafts.set("bob", "and more");
  assert.equal(await sending, false);
  assert.equal(drafts.of("bob"), "hello\nand more");
  assert.equal(talk.problem.value?.code, "disk-full");
  assert.equal(await talk.send("   "), false);
});

void test("a history that cannot be read says so", async () => {
  const { alice, talk } = world();
  alice.failing.set("messages", new MemoryError("store-io", "the store cannot be read", "reload"));
  await talk.open();
  assert.equal(talk.isLoaded.value, false);
  assert.equal(talk.problem.value?.text, "The store cannot be read.");
});
