// The package in Node, against a real relay.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";

import { file, findProfile, forgetProfile, linkNewDevice, memory, open, restoreBackup, SpragError } from "sprag";
import { next, take, World } from "./support/relay.mjs";

let world;
let count = 0;
const fresh = (name) => `${name}${(count += 1)}`;
const fails = (code) => (error) => {
  assert.ok(error instanceof SpragError, String(error));
  assert.equal(error.code, code, error.stack);
  assert.ok(error.message !== "" && error.remedy !== "");
  return true;
};

before(async () => {
  world = await World.start();
});
after(async () => {
  await world.end();
});

async function person(name, options = {}) {
  return await open({ relay: world.url, user: fresh(name), ...options });
}

async function pair() {
  return await Promise.all([person("alice"), person("bob")]);
}

describe("two people", () => {
  test("talk, and a message walks from queued to read", async () => {
    const [alice, bob] = await Promise.all([person("alice"), person("bob", { readReceipts: true })]);
    const states = [];
    const heard = next(bob, "message");
    const sent = await alice.send(bob.account, "Hello, Bob!");
    sent.on("status", (state) => states.push(state));
    const message = await heard;
    assert.equal(message.text, "Hello, Bob!");
    assert.equal(message.from, alice.account);
    assert.equal(message.id, sent.id);
    await sent.reached("delivered");
    await bob.markRead(alice.account);
    assert.equal(await sent.reached("read"), "read");
    assert.equal(states.at(-1), "read");
    const answer = next(alice, "message");
    await bob.send(alice.account, "Hello, Alice!");
    assert.equal((await answer).text, "Hello, Alice!");
    const entries = await alice.messages(bob.account);
    assert.deepEqual(entries.map((entry) => entry.text), ["Hello, Bob!", "Hello, Alice!"]);
    assert.deepEqual(entries.map((entry) => entry.state), ["read", undefined]);
    const [conversation] = await alice.conversations();
    assert.equal(conversation.with, bob.account);
    assert.equal(conversation.unread, 1);
    assert.equal((await alice.search("hello, b"))[0].entry.text, "Hello, Bob!");
    await Promise.all([alice.close(), bob.close()]);
  });

  test("iterate over what is unread, and then over what arrives", async () => {
    const [alice, bob] = await pair();
    for (const text of ["one", "two"]) await alice.send(bob.account, text);
    await alice.settled();
    await bob.caughtUp();
    const messages = take(bob, 3);
    await alice.send(bob.account, "three");
    assert.deepEqual((await messages).map((message) => message.text), ["one", "two", "three"]);
    await Promise.all([alice.close(), bob.close()]);
  });

  test("send a hundred each at once, and each arrives once and in order", async () => {
    const [alice, bob] = await pair();
    const texts = Array.from({ length: 100 }, (_, index) => `number ${index}`);
    const reading = [take(alice, 100), take(bob, 100)];
    await Promise.all(texts.flatMap((text) => [alice.send(bob.account, text), bob.send(alice.account, text)]));
    for (const messages of await Promise.all(reading)) assert.deepEqual(messages.map((message) => message.text), texts);
    await Promise.all([alice.settled(), bob.settled()]);
    await Promise.all([alice.close(), bob.close()]);
  });

  test("send a file, with progress", async () => {
    const [alice, bob] = await pair();
    const bytes = crypto.getRandomValues(new Uint8Array(60_000)).reduce((all, byte, at) => ((all[at] = all[at + 60_000] = all[at + 120_000] = byte), all), new Uint8Array(180_001));
    const progress = [];
    const heard = next(bob, "message");
    const picture = new File([bytes], "../a picture.png", { type: "image/png" });
    await alice.sendFile(bob.account, picture, { caption: "look", onProgress: (step) => progress.push(step) });
    const message = await heard;
    assert.equal(message.text, "look");
    assert.equal(message.file.length, bytes.length);
    assert.ok(!message.file.name.includes("/"));
    assert.equal(progress.at(-1).done, bytes.length);
    const down = [];
    const blob = await bob.download(message.file, { onProgress: (step) => down.push(step) });
    assert.equal(blob.type, "image/png");
    assert.deepEqual(new Uint8Array(await blob.arrayBuffer()), bytes);
    assert.equal(down.at(-1).done, bytes.length);
    const stop = new AbortController();
    stop.abort();
    await assert.rejects(alice.sendFile(bob.account, picture, { signal: stop.signal }), fails("ABORTED"));
    await assert.rejects(alice.sendFile(bob.account, new Blob([])), fails("file-length"));
    await Promise.all([alice.close(), bob.close()]);
  });

  test("abort a file on its way", async () => {
    const [alice, bob] = await pair();
    const stop = new AbortController();
    const big = new Blob([new Uint8Array(20 << 20)]);
    const sending = alice.sendFile(bob.account, big, { signal: stop.signal, onProgress: ({ done }) => done > 0 && stop.abort() });
    await assert.rejects(sending, fails("ABORTED"));
    assert.deepEqual(await alice.messages(bob.account), []);
    await Promise.all([alice.close(), bob.close()]);
  });

  test("compare safety numbers", async () => {
    const [alice, bob] = await pair();
    const [ours, theirs] = await Promise.all([alice.safetyNumber(bob.account), bob.safetyNumber(alice.account)]);
    assert.match(ours.digits, /^\d{60}$/);
    assert.equal(ours.digits, theirs.digits);
    assert.equal(ours.groups.length, 12);
    assert.equal(ours.compare(theirs.groups.join(" \n")), "match");
    assert.equal(ours.compare(theirs.qr), "match");
    assert.equal(ours.compare(ours.qr), "both-differ");
    assert.equal(ours.compare(theirs.digits.slice(0, 17)), "incomplete");
    assert.equal(ours.compare("0".repeat(60)), "differs");
    assert.equal(ours.compare("what?"), "not-a-code");
    assert.equal(await ours.verify(theirs.qrText), "match");
    assert.deepEqual((await alice.peer(bob.account)).trust, { state: "verified" });
    await alice.setVerified(bob.account, false);
    assert.deepEqual((await alice.peer(bob.account)).trust, { state: "first-use" });
    await Promise.all([alice.close(), bob.close()]);
  });
});

describe("with the command line", () => {
  test("in both directions, with a file", async () => {
    const dora = await person("dora");
    const carl = fresh("carl");
    await world.sprag(carl, "register", carl);
    writeFileSync(world.path("notes.txt"), "some notes");
    await world.sprag(carl, "send", dora.account, "from the terminal");
    await world.sprag(carl, "send", dora.account, "--file", world.path("notes.txt"));
    const [text, notes] = await take(dora, 2);
    assert.equal(text.text, "from the terminal");
    assert.equal(await (await dora.download(notes.file)).text(), "some notes");
    await dora.send(carl, "from a program");
    await dora.settled();
    assert.match(await world.sprag(carl, "recv", "--json"), /from a program/);
    await dora.close();
  });
});

describe("what goes wrong", () => {
  test("names, texts and addresses that are none", async () => {
    await assert.rejects(open({ relay: world.url, user: "No Name" }), fails("bad-name"));
    await assert.rejects(open({ relay: "gopher://x", user: "alice" }), fails("bad-origin"));
    await assert.rejects(open({ user: "alice" }), fails("bad-origin"));
    const alice = await person("alice");
    await assert.rejects(alice.send("No Name", "x"), fails("bad-name"));
    await assert.rejects(alice.send("bob", ""), fails("text-length"));
    await assert.rejects(alice.send("bob", "x".repeat(60_001)), fails("text-length"));
    await assert.rejects(alice.send(alice.account, "x"), fails("own-account"));
    await assert.rejects(alice.meet("nobody-has-this-name"), fails("no-such-account"));
    await assert.rejects(alice.link("sprag-link:nonsense"), fails("not-a-code"));
    await assert.rejects(alice.removeDevice(7), fails("no-such-device"));
    await assert.rejects(alice.retry("bob", "00"), fails("no-such-message"));
    await assert.rejects(alice.safetyNumber("bob", { offered: true }), fails("nothing-offered"));
    await assert.rejects(alice.download({ name: "", mediaType: "", length: 1, reference: "x" }), fails("bad-argument"));
    const sent = await alice.send("nobody-has-this-name", "hello?");
    await assert.rejects(sent.reached("sent"), fails("no-such-account"));
    assert.equal(sent.status, "failed");
    await alice.close();
    await assert.rejects(alice.send("bob", "x"), fails("closed"));
    await assert.rejects(alice.status(), fails("closed"));
  });

  test("a name that is taken leaves nothing behind", async () => {
    const alice = await person("alice");
    const store = memory();
    await assert.rejects(open({ relay: world.url, user: alice.account, store }), fails("name-taken"));
    assert.equal(await findProfile({ store }), undefined);
    await alice.close();
  });

  test("no relay there", async () => {
    await assert.rejects(open({ relay: "http://127.0.0.1:9", user: "alice" }), fails("unreachable"));
  });

  test("a relay by invitation", async () => {
    const closed = await World.start("--registration=invitation");
    await assert.rejects(open({ relay: closed.url, user: "alice" }), fails("invitation-invalid"));
    await closed.end();
  });

  test("the relay is away, and what was written is sent later", async () => {
    const away = await World.start();
    const [alice, bob] = await Promise.all([open({ relay: away.url, user: "alice" }), open({ relay: away.url, user: "bob" })]);
    await alice.meet("bob");
    await away.kill();
    await next(alice, "connection", (connection) => connection.state === "waiting");
    const sent = await alice.send("bob", "later");
    await assert.rejects(alice.settled({ within: 50 }), fails("unreachable"));
    await assert.rejects(alice.meet("carl"), fails("unreachable"));
    const heard = next(bob, "message");
    await away.serve();
    alice.reconnect();
    bob.reconnect();
    assert.equal((await heard).text, "later");
    await sent.reached("delivered");
    await Promise.all([alice.close(), bob.close()]);
    await away.end();
  });

  test("an account that was registered anew has another key", async () => {
    const place = await World.start();
    const store = memory();
    const [alice, bob] = await Promise.all([open({ relay: place.url, user: "alice", store }), open({ relay: place.url, user: "bob" })]);
    const number = await alice.safetyNumber("bob");
    await number.verify((await bob.safetyNumber("alice")).digits);
    await bob.deleteAccount();
    assert.ok(bob.closed);
    const other = await open({ relay: place.url, user: "bob" });
    const changed = next(alice, "keyChanged");
    await alice.refresh("bob");
    assert.equal((await changed).with, "bob");
    assert.deepEqual((await alice.peer("bob")).trust, { state: "key-changed", wasVerified: true });
    const waits = await alice.send("bob", "is it you?");
    await assert.rejects(waits.reached("sent", { within: 200 }), fails("timeout"));
    assert.equal(waits.status, "queued");
    assert.equal((await alice.conversation("bob")).waiting, 1);
    const offered = await alice.safetyNumber("bob", { offered: true });
    assert.equal(await offered.verify((await other.safetyNumber("alice")).digits), "match");
    await waits.reached("delivered");
    await alice.send("bob", "it is you");
    assert.deepEqual((await take(other, 2)).map((message) => message.text), ["is it you?", "it is you"]);
    assert.ok((await alice.messages("bob")).some((entry) => entry.kind === "key-changed"));
    await Promise.all([alice.close(), other.close()]);
    await place.end();
  });
});

describe("a profile", () => {
  test("in memory is opened again, and goes on", async () => {
    const store = memory();
    const bob = await person("bob");
    const first = await person("alice", { store });
    await first.send(bob.account, "before");
    await first.settled();
    await assert.rejects(open({ store }), fails("in-use"));
    await first.close();
    await assert.rejects(open({ store, mode: "new", relay: world.url, user: first.account }), fails("registered"));
    await assert.rejects(open({ store, relay: world.url, user: "somebody-else" }), fails("other-account"));
    await assert.rejects(open({ store, relay: "http://127.0.0.1:1", user: first.account }), fails("other-relay"));
    const again = await open({ store });
    assert.equal(again.account, first.account);
    await again.send(bob.account, "after");
    assert.deepEqual((await take(bob, 2)).map((message) => message.text), ["before", "after"]);
    await Promise.all([again.close(), bob.close()]);
  });

  test("is asked for where there is none", async () => {
    await assert.rejects(open({ store: memory() }), fails("no-profile"));
    await assert.rejects(open({ store: memory(), relay: world.url, user: "alice", mode: "existing" }), fails("no-profile"));
    assert.equal(await findProfile({ store: memory() }), undefined);
  });

  test("in a file survives, shows nothing, and is locked", async () => {
    const path = world.path(fresh("profile"));
    const bob = await person("bob");
    const alice = await person("alice", { store: file(path) });
    await alice.send(bob.account, "a secret that is nowhere to be read");
    await alice.settled();
    await assert.rejects(open({ store: file(path) }), fails("in-use"));
    await alice.close();
    const bytes = readFileSync(path);
    for (const planted of ["a secret", bob.account, alice.account, "127.0.0.1"]) assert.ok(!bytes.includes(planted), planted);
    const again = await open({ store: file(path) });
    assert.equal((await again.messages(bob.account))[0].text, "a secret that is nowhere to be read");
    const heard = next(again, "message");
    await bob.send(alice.account, "still there?");
    assert.equal((await heard).text, "still there?");
    await Promise.all([again.close(), bob.close()]);
    writeFileSync(path, "something else");
    await assert.rejects(open({ store: file(path) }), fails("store-foreign"));
  });

  test("has a passphrase, which can be changed and taken away", async () => {
    const store = memory();
    const alice = await person("alice", { store, passphrase: "correct horse" });
    assert.deepEqual(await alice.protection(), { passphrase: true, passkeys: 0, persisted: undefined });
    await alice.close();
    assert.deepEqual(await findProfile({ store }), { passphrase: true, passkey: false, persisted: undefined });
    await assert.rejects(open({ store }), fails("PASSPHRASE_NEEDED"));
    await assert.rejects(open({ store, passphrase: "wrong" }), fails("wrong-key"));
    await assert.rejects(open({ store, passkey: true }), fails("PASSKEY_REFUSED"));
    const again = await open({ store, passphrase: () => Promise.resolve("correct horse") });
    await assert.rejects(again.addPasskey(), fails("PASSKEY_UNSUPPORTED"));
    await again.setPassphrase("battery staple");
    await again.close();
    await assert.rejects(open({ store, passphrase: "correct horse" }), fails("wrong-key"));
    const third = await open({ store, passphrase: "battery staple" });
    await third.setPassphrase(null);
    await third.close();
    await (await open({ store })).close();
  });

  test("is put into a backup, and restored", async () => {
    const bob = await person("bob");
    const alice = await person("alice");
    await alice.send(bob.account, "kept");
    await alice.settled();
    const backup = await alice.backup("a passphrase of its own");
    await alice.close();
    const store = memory();
    await assert.rejects(restoreBackup({ store }, backup, "wrong"), fails("wrong-key"));
    assert.equal(await findProfile({ store }), undefined);
    await assert.rejects(restoreBackup({ store }, new Uint8Array(200), "x"), fails("store-foreign"));
    const restored = await restoreBackup({ store }, backup, "a passphrase of its own");
    assert.equal(restored.account, alice.account);
    assert.equal((await restored.messages(bob.account))[0].text, "kept");
    await restored.send(bob.account, "and on");
    assert.deepEqual((await take(bob, 2)).map((message) => message.text), ["kept", "and on"]);
    await assert.rejects(restoreBackup({ store }, backup, "a passphrase of its own"), fails("in-use"));
    await restored.close();
    await assert.rejects(restoreBackup({ store }, backup, "a passphrase of its own"), fails("profile-exists"));
    await forgetProfile({ store });
    assert.equal(await findProfile({ store }), undefined);
    await bob.close();
  });
});

describe("devices", () => {
  test("are linked with what was said, and removed", async () => {
    const [alice, bob] = await pair();
    await alice.send(bob.account, "before the second device");
    await alice.settled();
    const store = memory();
    const linking = await linkNewDevice({ relay: world.url, user: alice.account, store });
    assert.match(linking.code, /^sprag-link:/);
    const number = await alice.link(linking.code, { history: true });
    const second = await linking.linked();
    assert.equal((await second.status()).device, number);
    assert.equal((await second.status()).accountKey, false);
    if ((await second.messages(bob.account)).length === 0) await next(second, "conversation");
    assert.deepEqual((await alice.devices()).map((device) => [device.id, device.this]), [[1, true], [number, false]]);
    const copies = [next(alice, "message"), next(second, "message")];
    await bob.send(alice.account, "to both");
    assert.deepEqual((await Promise.all(copies)).map((message) => message.text), ["to both", "to both"]);
    const own = next(second, "entry", ({ entry }) => entry.own);
    await alice.send(bob.account, "from the first");
    assert.equal((await own).entry.text, "from the first");
    const removed = next(second, "connection", (connection) => connection.state === "ended");
    await alice.removeDevice(number);
    assert.equal((await removed).why.code, "removed");
    assert.equal((await alice.devices()).length, 1);
    await Promise.all([alice.close(), bob.close(), second.close()]);
  });

  test("wait to be linked, also after a restart", async () => {
    const alice = await person("alice");
    const store = memory();
    const linking = await linkNewDevice({ relay: world.url, user: alice.account, store });
    await linking.close();
    const again = await linkNewDevice({ relay: world.url, user: alice.account, store });
    assert.equal(again.code, linking.code);
    const stop = new AbortController();
    const waiting = again.linked({ signal: stop.signal });
    stop.abort();
    await assert.rejects(waiting, fails("ABORTED"));
    await alice.link(again.code, { accountKey: true });
    const second = await again.linked();
    assert.equal((await second.status()).accountKey, true);
    await Promise.all([alice.close(), second.close()]);
    await assert.rejects(linkNewDevice({ relay: world.url, user: alice.account, store }), fails("registered"));
  });
});

test("settings are kept", async () => {
  const store = memory();
  const alice = await person("alice", { store });
  assert.equal((await alice.status()).readReceipts, false);
  const told = next(alice, "settings");
  await alice.setReadReceipts(true);
  assert.deepEqual(await told, { readReceipts: true });
  await alice.close();
  const again = await open({ store, offline: true });
  assert.equal((await again.status()).readReceipts, true);
  assert.deepEqual(again.connection, { state: "offline" });
  await assert.rejects(again.online({ within: 10 }), fails("offline"));
  for await (const message of again) assert.fail(message.text);
  await again.close();
});
