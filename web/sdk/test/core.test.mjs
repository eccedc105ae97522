// The ratchet alone.

import assert from "node:assert/strict";
import { test } from "node:test";

import { decrypt, encrypt, Identity, PreKeyBundle, safetyNumber, Session, SpragError } from "sprag/core";

const text = (bytes) => new TextDecoder().decode(bytes);
const fails = (code) => (error) => error instanceof SpragError && error.code === code;

test("two devices talk, through exported states", async () => {
  const [alice, bob] = await Promise.all([Identity.generate("alice"), Identity.generate("bob")]);
  const [bundle] = bob.oneTimeBundles();
  let withBob = await Session.start(alice, PreKeyBundle.import(bundle.export()));
  assert.deepEqual(withBob.peer, bob.card);
  const first = encrypt(withBob, "Hello, Bob!");
  withBob = await Session.import(withBob.export());
  const bobAgain = await Identity.import(bob.export());
  const withAlice = await Session.accept(alice.card);
  const opened = withAlice.decrypt(bobAgain, first);
  assert.equal(text(opened.plaintext), "Hello, Bob!");
  assert.equal(opened.started, true);
  assert.equal(text(decrypt(withBob, alice, withAlice.encrypt("Hello, Alice!"))), "Hello, Alice!");
  const [one, two] = [withBob.encrypt("1"), withBob.encrypt("2")];
  assert.equal(text(withAlice.decrypt(bobAgain, two).plaintext), "2");
  assert.equal(text(withAlice.decrypt(bobAgain, one).plaintext), "1");
  assert.throws(() => withAlice.decrypt(bobAgain, one), (error) => error instanceof SpragError);
});

test("what is none is refused, and changes nothing", async () => {
  const [alice, bob] = await Promise.all([Identity.generate("alice"), Identity.generate("bob")]);
  await assert.rejects(Identity.import(new Uint8Array(5)), (error) => error instanceof SpragError);
  await assert.rejects(Session.import(new Uint8Array(5)), (error) => error instanceof SpragError);
  await assert.rejects(Identity.generate("No Name"), fails("bad-name"));
  const bytes = bob.bundle().export();
  bytes[bytes.length - 1] ^= 1;
  await assert.rejects(Session.start(alice, PreKeyBundle.import(bytes)), fails("bad-bundle"));
  const session = await Session.start(alice, bob.bundle());
  const message = session.encrypt("x");
  const withAlice = await Session.accept(alice.card);
  const altered = Uint8Array.from(message);
  altered[altered.length - 1] ^= 1;
  const before = withAlice.export();
  assert.throws(() => withAlice.decrypt(bob, altered), (error) => error instanceof SpragError);
  assert.deepEqual(withAlice.export(), before);
  assert.throws(() => withAlice.decrypt(bob, new Uint8Array()), fails("malformed"));
  assert.equal(text(withAlice.decrypt(bob, message).plaintext), "x");
});

test("both sides see the same safety number", async () => {
  const [alice, bob] = await Promise.all([Identity.generate("alice"), Identity.generate("bob")]);
  const [ours, theirs] = await Promise.all([safetyNumber(alice.card, bob.card), safetyNumber(bob.card, alice.card)]);
  assert.equal(ours.digits, theirs.digits);
  assert.equal(ours.compare(theirs.qr), "match");
});
