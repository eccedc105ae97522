/** The way in: a profile that is there or not, locks, linking, restoring, leaving. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Gate } from "../src/model/gate.js";
import { MemoryDoors, MemoryError, World } from "./memory.js";

function gate(): { doors: MemoryDoors; gate: Gate; world: World } {
  const world = new World();
  const doors = new MemoryDoors(world);
  return { world, doors, gate: new Gate(doors, {}) };
}

const settled = async () => { for (let at = 0; at < 40; at += 1) await Promise.resolve(); };
const at = (way: Gate) => way.screen.value.at;
const NEW = { user: "alice", invitation: "", passphrase: "", passkey: false };

void test("without a profile there is a welcome, and an account is made", async () => {
  const { doors, gate: way } = gate();
  await way.start();
  assert.equal(at(way), "welcome");
  assert.equal(await way.register(NEW), true);
  assert.equal(at(way), "open");
  assert.deepEqual(doors.opened.at(-1), { mode: "new", user: "alice" });
  await way.start();
  assert.equal(at(way), "open", "the profile opens by itself");
});

void test("a name that is taken, and a missing invitation, are said where they can be changed", async () => {
  const { gate: way, world } = gate();
  world.client("alice");
  await way.start();
  assert.equal(await way.register(NEW), false);
  assert.equal(way.problem.value?.code, "name-taken");
  assert.equal(at(way), "welcome");
  assert.equal(await way.register({ ...NEW, user: "guest" }), false);
  assert.equal(way.problem.value?.code, "invitation-invalid");
  assert.equal(await way.register({ ...NEW, user: "guest", invitation: "code" }), true);
  assert.equal(way.problem.value, undefined);
});

void test("a second press does not register twice", async () => {
  const { doors, gate: way } = gate();
  await way.start();
  const both = await Promise.all([way.register(NEW), way.register(NEW)]);
  assert.deepEqual(both, [true, false]);
  assert.equal(doors.opened.filter((options) => options.mode === "new").length, 1);
});

void test("a passphrase is asked for, and a wrong one can be tried again", async () => {
  const { gate: way } = gate();
  await way.start();
  await way.register({ ...NEW, passphrase: "correct horse" });
  await way.start();
  assert.equal(at(way), "locked");
  await way.unlock("wrong");
  assert.equal(way.problem.value?.code, "wrong-key");
  assert.equal(at(way), "locked");
  await way.unlock("correct horse");
  assert.equal(at(way), "open");
  await way.start();
  await way.unlockWithPasskey();
  assert.equal(at(way), "open");
});

void test("a passkey is added in a step of its own, or not", async () => {
  const { gate: way, world } = gate();
  await way.start();
  await way.register({ ...NEW, passphrase: "correct horse", passkey: true });
  assert.equal(at(way), "passkey");
  world.client("alice").failing.set("addPasskey", new MemoryError("PASSKEY_REFUSED"));
  await way.addPasskey();
  assert.equal(at(way), "passkey");
  assert.equal(way.problem.value?.code, "PASSKEY_REFUSED");
  await way.addPasskey();
  assert.equal(at(way), "open");
  assert.equal(world.client("alice").protectedBy.passkeys, 1);
});

void test("a browser is linked once another device has let it in", async () => {
  const { doors, gate: way, world } = gate();
  await way.start();
  await way.link("nobody", "");
  assert.equal(way.problem.value?.code, "no-such-account");
  const linking = way.link("alice", "");
  await settled();
  assert.equal(at(way), "linking");
  doors.linking?.finish(world.client("alice"));
  await linking;
  assert.equal(at(way), "open");
});

void test("linking can be given up, and can fail", async () => {
  const { doors, gate: way } = gate();
  await way.start();
  const given = way.link("alice", "");
  await settled();
  await way.stopLinking();
  await given;
  assert.equal(at(way), "welcome");
  assert.equal(doors.linking?.closed, true);
  const failing = way.link("alice", "");
  await settled();
  doors.linking?.fail(new MemoryError("account-gone", "the account is gone"));
  await failing;
  assert.equal(at(way), "broken");
});

void test("a backup opens with its passphrase only", async () => {
  const { gate: way } = gate();
  await way.start();
  await way.restore(new Blob(["backup"]), "wrong", "");
  assert.equal(way.problem.value?.code, "wrong-key");
  await way.restore(new Blob(["backup"]), "right", "");
  assert.equal(at(way), "open");
});

void test("what was evicted can be forgotten; what is only unreachable cannot", async () => {
  const { doors, gate: way } = gate();
  doors.trouble = new MemoryError("STORAGE_EVICTED", "the browser has deleted it", "link again");
  await way.start();
  const forgettable = () => way.screen.value.at === "broken" && way.screen.value.forgettable;
  assert.equal(forgettable(), true);
  await way.forget();
  assert.equal(at(way), "welcome");
  doors.trouble = new MemoryError("NO_INDEXEDDB");
  await way.start();
  assert.equal(at(way), "broken");
  assert.equal(forgettable(), false);
});

void test("leaving forgets what is here; a failure leaves everything as it was", async () => {
  const { doors, gate: way, world } = gate();
  await way.start();
  await way.register(NEW);
  const alice = world.client("alice");
  alice.on("closed", () => { void way.left(); });
  alice.failing.set("deleteAccount", new MemoryError("unreachable"));
  await assert.rejects(way.leave(alice, "delete"));
  assert.equal(at(way), "open");
  await way.leave(alice, "forget");
  assert.equal(at(way), "welcome");
  assert.equal(doors.profile, undefined);
});
