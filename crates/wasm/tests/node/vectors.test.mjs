// Every test vector, computed by the module as JavaScript has it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { blocks, bytes, hex, sprag, values } from "./module.mjs";

const NOW = 1_800_000_000_000;
const ZEROS = "00".repeat(64);

/** Does something with randomness by script, all of which it must draw. */
function scripted(script, work) {
  sprag.script(bytes(script.join("")));
  const outcome = work();
  assert.equal(sprag.scriptLeft(), 0, "everything that the vectors know is drawn");
  return outcome;
}

function device(who, all) {
  const names = ["account_seed", "identity_seed", "signed_prekey_private_key", "last_resort_seed"];
  const made = scripted(names.map((name) => all[`${who}.${name}`]), () => sprag.Identity.generate(who, NOW));
  assert.equal(hex(made.card), all[`${who}.device`]);
  return made;
}

/** Alice and Bob, and their sessions after the handshake. */
function scene(all) {
  const [alice, bob] = [device("alice", all), device("bob", all)];
  // 76 of each kind, of which the vectors know the first; the private keys of the others are never used.
  const opk = (all["bob.one_time_prekey_private_key"] ?? ZEROS).slice(0, 64);
  const kem = all["bob.one_time_kem_seed"] ?? ZEROS;
  const rest = (length) => "01".repeat(length).repeat(75);
  scripted([opk, rest(32), kem, rest(64)], () => sprag.replenish(bob, 24, NOW));
  const drawn = ["ephemeral_private_key", "kem_randomness", "ratchet_private_key"].map((name) => all[name]);
  const withBob = scripted(drawn, () => sprag.Session.initiate(alice, bytes(all.bundle), NOW));
  return { alice, bob, withBob, withAlice: sprag.Session.accept(alice.card) };
}

function outcome(session, us, message) {
  try {
    session.decrypt(us, message, NOW);
    return "read";
  } catch (fault) {
    return fault.code;
  }
}

for (const file of ["session-one-time.txt", "session-opk-only.txt", "session-last-resort.txt"]) {
  test(file, () => {
    const all = values(file);
    const { alice, bob, withBob, withAlice } = scene(all);
    let messages = 0;
    for (const [name, value] of blocks(file).flatMap((block) => block.lines)) {
      const index = /^message\.(\d+)\.bytes$/.exec(name)?.[1];
      if (index !== undefined) {
        const sender = all[`message.${index}.from`] === "alice" ? withBob : withAlice;
        const key = all[`message.${index}.ratchet_private_key`];
        const plaintext = bytes(all[`message.${index}.plaintext`]);
        const sealed = scripted(key === undefined ? [] : [key], () => sender.encrypt(plaintext, NOW));
        assert.equal(hex(sealed), value, name);
        messages += 1;
      }
      if (name === "arrives") {
        const [which, expected] = value.split(" ");
        const toBob = all[`message.${which}.from`] === "alice";
        const [session, us] = toBob ? [withAlice, bob] : [withBob, alice];
        assert.equal(outcome(session, us, bytes(all[`message.${which}.bytes`])), expected, value);
      }
    }
    assert.equal(messages, 19);
  });
}

test("session-refused.txt", () => {
  const all = values("session-refused.txt");
  const { bob, withAlice } = scene(all);
  let refused = 0;
  for (const block of blocks("session-refused.txt")) {
    const { bytes: message, outcome: expected } = Object.fromEntries(block.lines);
    if (expected === undefined) continue;
    assert.equal(outcome(withAlice, bob, bytes(message)), expected, block.comment);
    refused += expected === "read" ? 0 : 1;
  }
  assert.ok(refused > 10, `${refused} were refused`);
});

test("storage/v1/states.txt", () => {
  const stored = values("storage/v1/states.txt");
  const state = (name) => bytes(stored[name]);
  let bob = sprag.Identity.import(state("bob.device_before"));
  const fresh = sprag.Session.accept(sprag.Session.import(state("bob.sessions")).peer);
  for (const n of [3, 0, 1, 2]) {
    const { plaintext, started } = fresh.decrypt(bob, state(`message.${n}`), NOW);
    assert.equal(Buffer.from(plaintext).toString(), `message ${n}`);
    assert.equal(started, n === 3);
  }
  bob = sprag.Identity.import(state("bob.device_after"));
  const kept = sprag.Session.import(state("bob.sessions"));
  for (const [n, expected] of [[2, "duplicate"], [0, "read"], [1, "read"], [3, "read"]]) {
    assert.equal(outcome(kept, bob, state(`message.${n}`)), expected, `message ${n}`);
  }
  assert.equal(hex(sprag.Identity.import(bob.export()).card), hex(bob.card));
  const alice = sprag.Session.import(state("alice.unanswered_sessions"));
  assert.equal(alice.encrypt(new Uint8Array(4), NOW)[1], 1);
});

test("keys.txt", () => {
  for (const { lines } of blocks("keys.txt")) {
    const all = Object.fromEntries(lines);
    const [key, agreement] = sprag.identityOf(bytes(all.seed));
    assert.equal(hex(key), all.identity_key);
    assert.equal(hex(agreement), all.agreement_key);
    assert.equal(hex(sprag.sign(bytes(all.seed), all.label, bytes(all.body))), all.signature);
    assert.ok(sprag.verifies(key, all.label, bytes(all.body), bytes(all.signature)));
  }
});

test("refused.txt", () => {
  for (const { comment, lines } of blocks("refused.txt")) {
    const all = Object.fromEntries(lines);
    if (all.signature !== undefined) {
      const [key, body, signature] = [all.identity_key, all.body, all.signature].map(bytes);
      assert.equal(sprag.verifies(key, all.label, body, signature), false, comment);
    } else {
      const [[kind, value]] = lines;
      assert.equal(sprag.accepts(kind, bytes(value)), false, `${comment}: ${kind}`);
    }
  }
});

test("device-list.txt", () => {
  const all = values("device-list.txt");
  const devices = [1, 2].map((id) => [bytes(all[`device.${id}.identity_key`]), Number(all[`device.${id}.created`])]);
  const [key, body, signed] = sprag.deviceList(bytes(all.account_seed), all.account, Number(all.version), devices);
  assert.deepEqual([key, body, signed].map(hex), [all.account_key, all.body, all.signed_list]);
});

test("kdf.txt", () => {
  for (const { lines } of blocks("kdf.txt")) {
    const all = Object.fromEntries(lines);
    const given = [all.private_key, all.their_public_key, all.root_key].map(bytes);
    const names = ["dh", "next_root_key", "chain_key", "next_header_key", "message_key", "next_chain_key"];
    assert.deepEqual([...sprag.rootAndChain(...given)].map(hex), names.map((name) => all[name]));
  }
});

test("padding.txt", () => {
  for (const { lines } of blocks("padding.txt")) {
    const all = Object.fromEntries(lines);
    assert.equal(sprag.paddedLength(Number(all.len)), Number(all.padded_len), all.len);
  }
});

test("ratchet-plain.txt", () => {
  const all = values("ratchet-plain.txt");
  const given = [all["root_key.0"], all.responder_private_key, all.associated_data].map(bytes);
  const first = all["message.0.ratchet_private_key"];
  const initiator = scripted([first], () => sprag.PlainRatchet.initiator(...given));
  const responder = sprag.PlainRatchet.responder(...given);
  for (const index of [0, 1, 2, 3]) {
    const ours = all[`message.${index}.from`] === "initiator";
    const [sender, receiver] = ours ? [initiator, responder] : [responder, initiator];
    const key = index === 0 ? undefined : all[`message.${index}.ratchet_private_key`];
    const plaintext = all[`message.${index}.plaintext`];
    const sealed = scripted(key === undefined ? [] : [key], () => sender.encrypt(bytes(plaintext)));
    assert.equal(hex(sealed), all[`message.${index}.bytes`]);
    assert.equal(hex(receiver.decrypt(sealed, NOW)), plaintext);
  }
});

test("safety-number.txt", () => {
  for (const { lines } of blocks("safety-number.txt")) {
    const all = Object.fromEntries(lines);
    const card = (who) => {
      const name = Buffer.from(all[`${who}_account`]);
      const key = all[`${who}_account_key`];
      // Number 1, and any identity key: the safety number is the account's.
      return bytes(`${hex([name.length])}${hex(name)}00000001${key}${key}`);
    };
    const [alice, bob] = [card("alice"), card("bob")];
    assert.equal(sprag.safetyNumberOf(alice, bob).digits, all.digits);
    assert.equal(hex(sprag.safetyNumberOf(alice, bob).qr), all.alice_qr);
    assert.equal(hex(sprag.safetyNumberOf(bob, alice).qr), all.bob_qr);
    assert.deepEqual(sprag.safetyNumberOf(bob, alice).groups, all.digits.split(" "));
  }
});

test("storage/v1/store.txt", () => {
  const all = values("storage/v1/store.txt");
  const records = [0, 1, 2, 3, 4].map((index) => ({
    collection: all[`record.${index}.collection`],
    position: BigInt(all[`record.${index}.position`]),
    value: all[`record.${index}.value`],
  }));
  const shown = (record) => ({ ...record, value: hex(record.value) });
  const place = (record) => `${record.collection} ${String(record.position).padStart(20, "0")}`;
  const sorted = (found) => [...found].sort((one, next) => (place(one) < place(next) ? -1 : 1));

  const lock = { lock: "passphrase", passphrase: all.passphrase };
  const vault = sprag.Vault.open(bytes(all.header), lock);
  const rows = records.map((_, index) => {
    const row = (name) => all[`row.${index}.${name}`];
    return shown(sprag.openRow(vault, bytes(row("collection")), BigInt(row("position")), bytes(row("sealed"))));
  });
  assert.deepEqual(sorted(rows), records);
  assert.deepEqual(sprag.openBackup(bytes(all.backup), all.passphrase).map(shown), records);

  const external = sprag.Vault.open(bytes(all.external_header), { lock: "key", key: bytes(all.external) });
  assert.equal(external.header.length, 106);
  // That of a command line: its key is in a file.
  assert.equal(sprag.Vault.lockOf(bytes(all.key_file_header)), "key-file");

  const chunk = [bytes(all.chunk_key), bytes(all.chunk_bound), Number(all.chunk_index), bytes(all.chunk_sealed)];
  assert.equal(hex(sprag.openLastChunk(...chunk)), all.chunk_content);
});
