// The face of the module: it is what `types.d.ts` says, and nothing panics on any input.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { sprag, utf8 } from "./module.mjs";

const NOW = 1_800_000_000_000;
const KEY = { lock: "key", key: new Uint8Array(32).fill(7) };
const NAMES = { relay: "http://127.0.0.1:7474", account: "alice" };

const fault = (work) => {
  try {
    work();
  } catch (thrown) {
    return thrown;
  }
  return undefined;
};

test("everything that the types name is there, and nothing else", () => {
  const types = readFileSync(new URL("../../types.d.ts", import.meta.url), "utf8");
  const faces = types.split(/^export class /m).slice(1);
  const names = new Set();
  for (const text of faces) {
    const [, name, body] = /^(\w+) \{\n([^]*?)^\}/m.exec(text);
    names.add(name);
    const found = [...body.matchAll(/^ {2}(static |readonly )?(\w+)[(:]/gm)].filter(([, , member]) => member !== "private");
    assert.ok(found.length > 2, name);
    const members = { static: new Set(), own: new Set() };
    for (const [, kind, member] of found) members[kind === "static " ? "static" : "own"].add(member);
    const generated = ["constructor", "__destroy_into_raw", "free"];
    const own = Object.getOwnPropertyNames(sprag[name].prototype).filter((member) => !generated.includes(member));
    members.own.delete("free");
    assert.deepEqual(own.sort(), [...members.own].sort(), name);
    const made = Object.getOwnPropertyNames(sprag[name]).filter((it) => !["length", "name", "prototype", "__wrap"].includes(it));
    assert.deepEqual(made.sort(), [...members.static].sort(), name);
  }
  for (const [, name] of types.matchAll(/^export function (\w+)/gm)) names.add(name);
  const vectors = /^(script|scriptLeft|replenish|identityOf|sign|verifies|accepts|deviceList|rootAndChain|paddedLength|PlainRatchet|open(Row|Backup|LastChunk))$/;
  const exported = Object.keys(sprag).filter((name) => name !== "default" && !vectors.test(name));
  assert.deepEqual(exported.sort(), [...names].sort());
});

test("a new account is kept before anybody hears of it", () => {
  const client = sprag.Client.register(sprag.Vault.create(KEY), NAMES, {}, NOW);
  const first = client.poll(NOW);
  assert.equal(first.step, "commit");
  assert.ok(first.changes.length >= 3);
  for (const { change, row, value } of first.changes) {
    assert.equal(change, "put");
    assert.equal(row.length, 24);
    assert.ok(value.length > 30);
  }
  assert.deepEqual(client.poll(NOW), { step: "idle" }, "nothing before the commit is durable");
  client.committed();
  const { step, actions } = client.poll(NOW);
  assert.equal(step, "act");
  const request = actions.find(({ action }) => action === "request");
  assert.equal(`${request.method} ${request.path}`, "POST /v1/accounts");
  assert.equal(JSON.parse(Buffer.from(request.body)).name, "alice");
  assert.ok(actions.some(({ action }) => action === "opened"));
  assert.equal(client.status(NOW).stage, "beginning");
});

/** Runs a client over rows in memory, as far as it goes without a network. Gives its actions. */
function run(client, rows) {
  const actions = [];
  for (;;) {
    const step = client.poll(NOW);
    if (step.step === "commit") {
      for (const { change, row, value, from, to } of step.changes) {
        const id = (bytes) => Buffer.from(bytes).toString("hex");
        if (change === "put") rows.set(id(row), value);
        else if (change === "remove") rows.delete(id(row));
        else for (const key of [...rows.keys()]) if (key >= id(from) && key <= id(to)) rows.delete(key);
      }
      client.committed();
    } else if (step.step === "read") client.loaded(step.reads.map((read) => answer(read, rows)));
    else if (step.step === "act") actions.push(...step.actions);
    else return actions;
  }
}

function answer(read, rows) {
  const id = (bytes) => Buffer.from(bytes).toString("hex");
  const [from, to] = read.read === "row" ? [id(read.row), id(read.row)] : [id(read.from), id(read.to)];
  const keys = [...rows.keys()].filter((key) => key >= from && key <= to).sort();
  if (read.newestFirst) keys.reverse();
  return keys.slice(0, read.limit ?? 1).map((key) => ({ row: new Uint8Array(Buffer.from(key, "hex")), value: rows.get(key) }));
}

const given = (actions, ticket) => actions.find((action) => action.ticket === ticket && action.action !== "save");

test("what is written offline waits in the rows, and is found again", () => {
  const [vault, rows] = [sprag.Vault.create(KEY), new Map()];
  let client = sprag.Client.register(vault, NAMES, { offline: true }, NOW);
  run(client, rows);
  const sent = client.send("bob", "Hello, Bob!");
  const id = "00112233445566778899aabbccddeeff";
  const named = [client.send("bob", "once", id), client.send("bob", "once", id)];
  const actions = run(client, rows);
  assert.equal(given(actions, sent).value.position, 0);
  assert.deepEqual(named.map((ticket) => given(actions, ticket).value), [1, 1].map((position) => ({ to: "bob", id, position, state: "queued" })));

  const opened = sprag.Vault.open(vault.header, KEY);
  client = sprag.Client.open(opened, NAMES, { offline: true });
  assert.equal(fault(() => client.send("bob", "too early")).code, "not-ready");
  assert.ok(run(client, rows).some(({ action }) => action === "opened"));
  const [page, found, state] = [client.history("bob", undefined, 10), client.search("hello", 10), client.messageState("bob", id)];
  const again = run(client, rows);
  assert.deepEqual(given(again, page).value.map((entry) => entry.text), ["Hello, Bob!", "once"]);
  assert.equal(given(again, found).value[0].entry.text, "Hello, Bob!");
  assert.deepEqual(given(again, state).value, { state: "queued" });
  assert.equal(client.conversations()[0].waiting, 2);

  const other = sprag.Client.open(opened, { ...NAMES, account: "bob" }, {});
  assert.equal(run(other, rows).at(-1).fault.code, "other-account");
});

test("a backup becomes a profile that starts afresh", () => {
  const [vault, rows] = [sprag.Vault.create(KEY), new Map()];
  const client = sprag.Client.register(vault, NAMES, { offline: true }, NOW);
  run(client, rows);
  for (let count = 0; count < 150; count += 1) client.send("bob", `message ${count}`);
  const ticket = client.backup("correct horse");
  const backup = Buffer.concat(run(client, rows).filter(({ action }) => action === "save").map(({ bytes }) => bytes));
  assert.equal(ticket > 0, true);

  const fresh = sprag.Vault.create(KEY);
  assert.equal(fault(() => sprag.Restore.begin(fresh, backup, "wrong")).code, "wrong-key");
  const cut = backup.subarray(0, backup.length - 1);
  assert.equal(fault(() => sprag.Restore.begin(fresh, cut, "correct horse")).code, "store-damaged");
  const restore = sprag.Restore.begin(fresh, backup, "correct horse");
  const restored = new Map();
  for (let changes = restore.next(); changes !== undefined; changes = restore.next()) {
    for (const { change, row, value } of changes) if (change === "put") restored.set(Buffer.from(row).toString("hex"), value);
  }
  const second = sprag.Client.open(fresh, undefined, { offline: true });
  run(second, restored);
  const page = second.history("bob", undefined, 1000);
  assert.equal(given(run(second, restored), page).value.length, 150);
});

test("a store that fails costs nothing but what it did not take", () => {
  const [vault, rows] = [sprag.Vault.create(KEY), new Map()];
  const client = sprag.Client.register(vault, NAMES, { offline: true }, NOW);
  run(client, rows);
  const lost = client.send("bob", "lost");
  assert.equal(client.poll(NOW).step, "commit");
  client.commitFailed("disk-full");
  const actions = run(client, rows);
  assert.equal(given(actions, lost).fault.code, "disk-full");
  assert.ok(actions.some(({ happening }) => happening?.what === "store-failed"));
  const kept = client.send("bob", "kept");
  assert.equal(given(run(client, rows), kept).value.position, 0);
});

test("rows that were altered are damage, and say so", () => {
  const [vault, rows] = [sprag.Vault.create(KEY), new Map()];
  run(sprag.Client.register(vault, NAMES, { offline: true }, NOW), rows);
  for (const [key, value] of rows) {
    const altered = new Map(rows).set(key, value.with(20, value[20] ^ 1));
    const client = sprag.Client.open(vault, NAMES, { offline: true });
    assert.equal(run(client, altered).at(-1).fault.code, "store-damaged");
  }
  const none = sprag.Client.open(vault, NAMES, { offline: true });
  assert.equal(run(none, new Map()).at(-1).fault.code, "no-profile");
});

test("bad input is a fault with a code", () => {
  const vault = sprag.Vault.create(KEY);
  assert.equal(fault(() => sprag.Client.register(vault, { ...NAMES, account: "Alice" }, {}, NOW)).code, "bad-name");
  assert.equal(fault(() => sprag.Client.register(vault, { ...NAMES, relay: "chat" }, {}, NOW)).code, "bad-origin");
  assert.equal(fault(() => sprag.checkLinkCode("sprag-link:AA")).code, "not-a-code");
  assert.equal(fault(() => sprag.Vault.open(vault.header, { lock: "key", key: new Uint8Array(32) })).code, "wrong-key");
  assert.equal(fault(() => sprag.Vault.open(vault.header, { lock: "passphrase", passphrase: "x" })).code, "other-lock");
  assert.equal(fault(() => sprag.Vault.open(new Uint8Array(5), KEY)).code, "store-foreign");
  const shown = fault(() => sprag.checkName("?"));
  assert.deepEqual(Object.keys(shown).sort(), ["code", "retryable"]);
});

test("nothing panics, whatever is handed in", () => {
  const odd = [undefined, null, 0, -1, NaN, 1e300, 2n, "", "bob", "?", [], [[]], [[{}]], {}, { row: 1 }, true,
    new Uint8Array(0), new Uint8Array(24), new Uint8Array(300).fill(255), () => 1, Symbol("s"), [[{ row: new Uint8Array(24), value: new Uint8Array(40) }]]];
  const us = sprag.Identity.generate("alice", NOW);
  const targets = [
    () => sprag.Client.register(sprag.Vault.create(KEY), NAMES, {}, NOW),
    () => sprag.Client.open(sprag.Vault.create(KEY), undefined, {}),
    () => us,
    () => sprag.Session.initiate(us, us.bundle(), NOW),
    () => sprag.Vault.create(KEY),
  ];
  let calls = 0;
  for (const make of targets) {
    const target = make();
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(target)).filter((name) => !["constructor", "free", "__destroy_into_raw", "backup", "header", "card", "account", "peer"].includes(name));
    for (const name of methods) {
      if (typeof target[name] !== "function") continue;
      for (const first of odd) for (const second of odd) {
        const thrown = fault(() => target[name](first, second, NOW));
        assert.ok(!(thrown instanceof WebAssembly.RuntimeError), `${name}(${String(first)}, ${String(second)})`);
        if (target.poll) fault(() => target.poll(NOW));
        calls += 1;
      }
    }
  }
  for (const first of odd) for (const second of odd) {
    for (const work of [
      () => sprag.Client.register(sprag.Vault.create(KEY), first, second, NOW), () => sprag.Client.open(sprag.Vault.create(KEY), first, second),
      () => sprag.Vault.open(first, second), () => sprag.Vault.create(first), () => sprag.Session.accept(first), () => sprag.Session.import(first),
      () => sprag.Identity.import(first), () => sprag.Identity.generate(first, second), () => sprag.safetyNumberOf(first, second),
      () => sprag.checkName(first), () => sprag.checkOrigin(first), () => sprag.checkLinkCode(first),
    ]) assert.ok(!(fault(work) instanceof WebAssembly.RuntimeError), String(work));
  }
  assert.ok(calls > 10_000, `${calls} calls`);
  assert.equal(sprag.version().split(".").length, 3, "it still works");
});

test("the ratchet alone: both ways, kept between any two steps, out of order", () => {
  const [alice, bob] = ["alice", "bob"].map((name) => sprag.Identity.generate(name, NOW));
  const [bundle] = bob.oneTimeBundles(NOW);
  let mine = sprag.Session.initiate(alice, bundle, NOW);
  let theirs = sprag.Session.accept(alice.card);
  const first = [0, 1, 2].map((n) => mine.encrypt(utf8(`first ${n}`), NOW));
  for (const n of [2, 0, 1]) {
    theirs = sprag.Session.import(theirs.export());
    const { plaintext, started } = theirs.decrypt(bob, first[n], NOW);
    assert.equal(Buffer.from(plaintext).toString(), `first ${n}`);
    assert.equal(started, n === 2);
  }
  mine = sprag.Session.import(mine.export());
  assert.equal(Buffer.from(mine.decrypt(alice, theirs.encrypt(utf8("answer"), NOW), NOW).plaintext).toString(), "answer");
  assert.equal(fault(() => theirs.decrypt(bob, first[0], NOW)).code, "duplicate");
  assert.equal(fault(() => theirs.decrypt(bob, new Uint8Array(3), NOW)).code, "malformed");
  assert.equal(fault(() => mine.encrypt(new Uint8Array(70_000), NOW)).code, "too-large");
  assert.equal(fault(() => sprag.Session.accept(bob.card).encrypt(utf8("x"), NOW)).code, "no-session");
  assert.equal(fault(() => sprag.Session.initiate(alice, bundle.with(200, bundle[200] ^ 1), NOW)).code, "bad-bundle");
  assert.equal(fault(() => sprag.Session.import(alice.export())).code, "state-damaged");
});
