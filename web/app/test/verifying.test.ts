/** Comparing safety numbers, and a key that has changed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SAFETY_PREFIX, Verifying } from "../src/model/verifying.js";
import { MemoryError, World, type MemoryClient } from "./memory.js";

async function open(): Promise<{ alice: MemoryClient; bob: MemoryClient; verifying: Verifying; theirs: string }> {
  const world = new World();
  const alice = world.client("alice");
  const bob = world.client("bob");
  alice.talk("bob");
  const theirs = (await bob.safetyNumber("alice")).digits;
  const verifying = new Verifying("bob", alice);
  await verifying.load();
  return { alice, bob, verifying, theirs };
}

void test("the number is 12 groups of 5 and the same on both sides", async () => {
  const { theirs, verifying } = await open();
  const number = verifying.number.value;
  assert.equal(number?.groups.length, 12);
  assert.equal(number?.groups.every((group) => /^\d{5}$/.test(group)), true);
  assert.equal(number?.digits, theirs);
});

void test("what is pasted answers by itself, and the answer stays", async () => {
  const { alice, theirs, verifying } = await open();
  const answer = (text: string) => {
    verifying.paste(text);
    return verifying.verdict.value?.comparison;
  };
  assert.equal(answer(theirs.slice(0, 17)), "incomplete");
  assert.equal(answer(theirs.replace(/(.{5})/g, "$1 ")), "match");
  assert.equal(answer(theirs.replace(/\d$/, (digit) => (digit === "0" ? "1" : "0"))), "differs");
  assert.equal(answer("hello"), "not-a-code");
  assert.equal(answer(`${SAFETY_PREFIX}${theirs}`), "match");
  await verifying.setVerified(true);
  assert.equal(verifying.peer.value?.trust.state, "verified");
  assert.equal(verifying.verdict.value?.comparison, "match");
  verifying.paste("");
  assert.equal(verifying.verdict.value, undefined);
  await verifying.setVerified(false);
  assert.equal((await alice.peer("bob"))?.trust.state, "first-use");
});

void test("a scanned code is compared by its bytes, or as the text that it is", async () => {
  const { theirs, verifying } = await open();
  verifying.scan(new TextEncoder().encode(`${SAFETY_PREFIX}${theirs}`));
  assert.equal(verifying.verdict.value?.comparison, "match");
  verifying.scan(new TextEncoder().encode("https://example.org"));
  assert.equal(verifying.verdict.value?.comparison, "not-a-code");
});

void test("with a new key the new number counts, and accepting after a match verifies", async () => {
  const { alice, bob, verifying } = await open();
  await alice.setVerified("bob");
  bob.key = "new key of bob";
  alice.offer("bob", bob.key);
  await verifying.load();
  assert.deepEqual(verifying.peer.value?.trust, { state: "key-changed", wasVerified: true });
  const old = verifying.number.value?.digits ?? "";
  const offered = (await bob.safetyNumber("alice")).digits;
  assert.equal(verifying.offered.value?.digits, offered);
  verifying.paste(old);
  assert.deepEqual(verifying.verdict.value, { comparison: "match", isOffered: false });
  verifying.paste(offered);
  assert.deepEqual(verifying.verdict.value, { comparison: "match", isOffered: true });
  await verifying.acceptKey();
  assert.equal(verifying.peer.value?.trust.state, "verified");
  assert.equal(verifying.offered.value, undefined);
});

void test("accepting without comparing verifies nothing", async () => {
  const { alice, verifying } = await open();
  alice.offer("bob", "another key");
  await verifying.load();
  await verifying.acceptKey();
  assert.equal(verifying.peer.value?.trust.state, "first-use");
});

void test("what fails is said and can be tried again", async () => {
  const { alice, verifying } = await open();
  alice.failing.set("setVerified", new MemoryError("store-io", "it cannot be kept", "try again"));
  await verifying.setVerified(true);
  assert.equal(verifying.problem.value?.code, "store-io");
  await verifying.setVerified(true);
  assert.equal(verifying.problem.value, undefined);
  assert.equal(verifying.peer.value?.trust.state, "verified");
});
