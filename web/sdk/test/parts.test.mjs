// Stores, codes, safety numbers: each by itself.

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";

import { internals } from "./support/internals.mjs";

const { ALL_CODES, asSpragError, FilePlace, IndexedDbPlace, isCode, Lock, meaning, MemoryPlace, numberOf, ofFault, plain, revive, RowMap, SpragError } = internals;
const folder = mkdtempSync(join(tmpdir(), "sprag-parts-"));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

const row = (collection, position) => {
  const id = new Uint8Array(24).fill(collection, 0, 16);
  new DataView(id.buffer).setBigUint64(16, BigInt(position));
  return id;
};
const put = (collection, position, ...value) => ({ change: "put", row: row(collection, position), value: Uint8Array.from(value) });
const guard = { version: 1, slots: [{ kind: "key", sealed: Uint8Array.of(1, 2, 3) }] };
const fails = (code) => (error) => {
  assert.equal(error?.code, code, String(error?.stack));
  return true;
};
let count = 0;
const places = {
  memory: () => new MemoryPlace(),
  indexeddb: () => new IndexedDbPlace(`test${(count += 1)}`),
  file: () => new FilePlace(join(folder, `rows${(count += 1)}`)),
};

for (const [kind, makePlace] of Object.entries(places)) {
  describe(`rows in ${kind}`, () => {
    test("are read as they were written, in both directions, and survive", async () => {
      const place = makePlace();
      let rows = await place.rows();
      assert.equal(await rows.guard(), undefined);
      await rows.lead();
      await rows.commit([put(1, 0, 9), put(1, 1, 10), put(1, 255, 11), put(1, 256, 12), put(2, 0, 13)], guard);
      await rows.commit([{ change: "remove", row: row(1, 1) }, put(1, 0, 99)]);
      const range = (newestFirst, limit) => ({ read: "range", from: row(1, 0), to: row(1, Number.MAX_SAFE_INTEGER), newestFirst, limit });
      const look = async () =>
        (await rows.read([range(false, 10), range(true, 2), range(false, 1), { read: "row", row: row(2, 0) }, { read: "row", row: row(3, 0) }])).map((found) =>
          found.map(({ value }) => value[0]),
        );
      const expected = [[99, 11, 12], [12, 11], [99], [13], []];
      assert.deepEqual(await look(), expected);
      await rows.close();
      rows = await place.rows();
      await rows.lead();
      assert.deepEqual(await look(), expected);
      assert.deepEqual([...(await rows.guard()).slots[0].sealed], [1, 2, 3]);
      await rows.commit([{ change: "remove-range", from: row(1, 1), to: row(1, 255) }]);
      assert.deepEqual(await look(), [[99, 12], [12, 99], [99], [13], []]);
      await rows.commit([put(5, 0, 1)], guard);
      assert.deepEqual(await look(), [[], [], [], [], []]);
      await rows.destroy();
      await rows.close();
      rows = await place.rows();
      assert.equal(await rows.guard(), undefined);
      await rows.close();
    });

    test("belong to whoever leads", async () => {
      const place = makePlace();
      const [one, other] = [await place.rows(), await place.rows()];
      await one.lead();
      await one.commit([put(1, 0, 1)], guard);
      if (kind === "indexeddb") {
        await other.lead();
        await assert.rejects(one.commit([put(1, 0, 2)]), fails("in-use"));
        await other.commit([put(1, 1, 3)]);
      } else {
        await assert.rejects(other.lead(), fails("in-use"));
        await one.close();
        await other.lead();
        await assert.rejects(one.commit([put(1, 0, 2)]), fails("in-use"));
      }
      const [found] = await other.read([{ read: "row", row: row(1, 0) }]);
      assert.equal(found[0].value[0], 1);
      await Promise.all([one.close(), other.close()]);
    });

    test("have a wrapping key that cannot be read out", async () => {
      const place = makePlace();
      const rows = await place.rows();
      const key = await rows.wrappingKey();
      assert.equal(key.extractable, false);
      for (const format of ["raw", "jwk"]) await assert.rejects(crypto.subtle.exportKey(format, key));
      const iv = new Uint8Array(12);
      const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, Uint8Array.of(7));
      const again = await (await place.rows()).wrappingKey();
      assert.deepEqual(new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, again, sealed)), Uint8Array.of(7));
      await rows.close();
    });
  });
}

describe("a log in a file", () => {
  test("that was cut off anywhere holds what was committed before", async () => {
    const path = join(folder, "cut");
    const place = new FilePlace(path);
    const rows = await place.rows();
    await rows.lead();
    await rows.commit([], guard);
    const ends = [statSync(path).size];
    for (let number = 0; number < 5; number += 1) {
      await rows.commit([put(1, number, number), put(2, number, number)]);
      ends.push(statSync(path).size);
    }
    await rows.close();
    const whole = readFileSync(path);
    for (let length = ends[0]; length <= whole.length; length += 7) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      const cut = await place.rows();
      await cut.lead();
      const committed = ends.filter((end) => end <= length).length - 1;
      const read = { read: "range", from: row(1, 0), to: row(1, 99), newestFirst: false, limit: 99 };
      assert.equal((await cut.read([read]))[0].length, committed, `at ${length}`);
      await cut.commit([put(1, 50, 50)]);
      await cut.close();
      const after = await place.rows();
      assert.equal((await after.read([read]))[0].length, committed + 1);
      await after.close();
    }
  });

  test("that is something else is left alone", async () => {
    const path = join(folder, "foreign");
    writeFileSync(path, "a letter to my aunt, which is long");
    const rows = await new FilePlace(path).rows();
    await assert.rejects(rows.guard(), fails("store-foreign"));
    assert.match(readFileSync(path, "utf8"), /aunt/);
  });

  test("does not grow for ever", async () => {
    const path = join(folder, "grows");
    const rows = await new FilePlace(path).rows();
    await rows.lead();
    await rows.commit([], guard);
    const value = new Uint8Array(300_000).fill(7);
    for (let round = 0; round < 12; round += 1) await rows.commit([{ change: "put", row: row(1, 0), value }]);
    assert.ok(statSync(path).size < 2_000_000, String(statSync(path).size));
    await rows.close();
    const again = await new FilePlace(path).rows();
    assert.equal((await again.read([{ read: "row", row: row(1, 0) }]))[0][0].value.length, 300_000);
  });

  test("wants its key file for itself", { skip: process.platform === "win32" }, async () => {
    const path = join(folder, "exposed");
    const rows = await new FilePlace(path).rows();
    await rows.wrappingKey();
    assert.equal(statSync(`${path}.key`).mode & 0o777, 0o600);
    chmodSync(`${path}.key`, 0o644);
    await assert.rejects(rows.wrappingKey(), fails("key-exposed"));
    writeFileSync(`${path}.key`, "short");
    chmodSync(`${path}.key`, 0o600);
    await assert.rejects(rows.wrappingKey(), fails("store-damaged"));
  });
});

describe("a lock", () => {
  test("of a process that is gone is taken over", async () => {
    const path = join(folder, "lock");
    const lock = await Lock.take(path);
    await assert.rejects(Lock.take(path), fails("in-use"));
    assert.ok(await lock.held());
    // A number that no process has: above what Linux gives out.
    writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, mark: "x" }));
    assert.ok(!(await lock.held()));
    const other = await Lock.take(path);
    await lock.release();
    assert.ok(await other.held());
    await other.release();
    assert.ok(!existsSync(path));
    writeFileSync(path, "{cut of");
    await (await Lock.take(path)).release();
    appendFileSync(path, "");
  });
});

describe("codes", () => {
  test("each have words, a remedy, and cross tabs unchanged", () => {
    assert.ok(ALL_CODES.length > 80);
    for (const code of ALL_CODES) {
      assert.ok(isCode(code));
      const { message, remedy } = meaning(code);
      assert.match(message, /^\S.*[^.]$/u, code);
      assert.match(remedy, /^\S.*[^.]$/u, code);
      const error = new SpragError(code, { retryAfter: 3 });
      const again = revive(structuredClone(plain(error)));
      assert.equal(again.code, code);
      assert.equal(again.retryable, error.retryable);
      assert.equal(again.retryAfter, 3);
    }
    assert.ok(!isCode("toString"));
    assert.equal(ofFault({ code: "of-a-later-relay", message: "x", retryable: false }).code, "internal");
    assert.equal(asSpragError(new DOMException("", "AbortError")).code, "ABORTED");
    assert.equal(asSpragError({ code: "bad-name", message: "m", retryable: false }).code, "bad-name");
    assert.equal(asSpragError(new WebAssembly.RuntimeError("unreachable")).code, "system");
  });

  test("are those that the documentation lists", () => {
    const docs = readFileSync(new URL("../../../docs/BROWSER.md", import.meta.url), "utf8");
    for (const code of ALL_CODES) assert.ok(docs.includes(`\`${code}\``), code);
  });
});

test("rows in a map are found as the engine asks", () => {
  const map = new RowMap();
  for (let position = 0; position < 300; position += 3) map.apply(put(7, position, position & 255));
  const ask = (from, to, newestFirst, limit) => map.read({ read: "range", from: row(7, from), to: row(7, to), newestFirst, limit }).map(({ row: id }) => Number(new DataView(id.buffer).getBigUint64(16)));
  assert.deepEqual(ask(1, 9, false, 10), [3, 6, 9]);
  assert.deepEqual(ask(1, 8, true, 10), [6, 3]);
  assert.deepEqual(ask(290, 999, true, 2), [297, 294]);
  assert.deepEqual(ask(298, 299, false, 2), []);
});

test("safety numbers are compared as people type them", () => {
  const qr = (own, other) => Uint8Array.from([0, 1, ...new Array(32).fill(own), ...new Array(32).fill(other)]);
  const groups = Array.from({ length: 12 }, (_, index) => String(10_000 + index));
  const number = numberOf({ digits: groups.join(" "), groups, qr: qr(1, 2) });
  assert.equal(number.compare(groups.join("-")), "match");
  assert.equal(number.compare(`  ${groups.join("\n")}  `), "match");
  assert.equal(number.compare(groups.slice(0, 3).join(" ")), "incomplete");
  assert.equal(number.compare(""), "incomplete");
  assert.equal(number.compare(groups.toReversed().join("")), "differs");
  assert.equal(number.compare(`${number.digits}0`), "not-a-code");
  assert.equal(number.compare(qr(2, 1)), "match");
  assert.equal(number.compare(qr(2, 3)), "ours-differs");
  assert.equal(number.compare(qr(3, 1)), "theirs-differs");
  assert.equal(number.compare(qr(3, 3)), "both-differ");
  assert.equal(number.compare(qr(2, 1).subarray(1)), "not-a-code");
  const later = qr(2, 1);
  later[1] = 2;
  assert.equal(number.compare(later), "other-version");
  assert.equal(number.compare("%%%"), "not-a-code");
});
