/**
 * A profile in a file: a log of commits, each written and synced before it counts; one that was cut off never was. Beside it lie
 * `PATH.key` with the wrapping key, which only its owner may read, and `PATH.lock` while a process has it open.
 *
 * Bytes, integers big-endian: `sprag log 1\n`, then frames `u32 length || payload || first 8 bytes of SHA-256(payload)`.
 * Payload: `u8 kind || ..`: 1 guard (JSON; everything before it is void), 2 changes, each `1 || row (24) || u32 length || value`,
 * `2 || row (24)` or `3 || row (24) || row (24)`.
 */

import { createHash, randomBytes } from "node:crypto";
import { constants, type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import type { Read, Row, RowChange } from "../engine.js";
import { SpragError } from "../error.js";
import { RowMap, type Guard, type Place, type RowStore, type Slot } from "../rows.js";
import { Lock } from "./lock.js";

const MAGIC = Buffer.from("sprag log 1\n");
const KEY_LEN = 32;
const ROW_LEN = 24;
const SUM_LEN = 8;
/** A log is written anew where it is this many times as long as what it says, and longer than this. */
const WASTE = 3;
const SMALL = 1 << 20;

/** A file of one's own. */
export class FilePlace implements Place {
  readonly name: string;
  readonly shared = false;

  constructor(path: string) {
    this.name = resolve(path);
  }

  rows(): Promise<RowStore> {
    return Promise.resolve(new FileRows(this.name));
  }

  evicted(): boolean {
    return false;
  }

  mark(): void {
    // Nobody evicts files.
  }
}

class FileRows implements RowStore {
  readonly #path: string;
  #lock: Lock | undefined;
  #file: FileHandle | undefined;
  /** Up to where the log is whole. */
  #end = 0;
  #map: RowMap | undefined;
  #guard: Guard | undefined;
  #broken = false;
  onLost: (() => void) | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async guard(): Promise<Guard | undefined> {
    await this.#load();
    return this.#guard;
  }

  async wrappingKey(): Promise<CryptoKey> {
    const bytes = await keyFile(`${this.#path}.key`);
    try {
      return await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
    } finally {
      bytes.fill(0);
    }
  }

  async setGuard(guard: Guard): Promise<void> {
    await this.#load();
    this.#guard = guard;
    // A guard voids what was before it, and an old passphrase must not open anything: so it is all written anew.
    await this.#compact();
  }

  async lead(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true }).catch(() => undefined);
    this.#lock = await Lock.take(`${this.#path}.lock`);
    this.#map = undefined;
    await this.#load();
  }

  async read(reads: readonly Read[]): Promise<Row[][]> {
    const map = await this.#load();
    return reads.map((read) => map.read(read));
  }

  async commit(changes: readonly RowChange[], guard?: Guard): Promise<void> {
    if (this.#lock === undefined || !(await this.#lock.held())) throw new SpragError("in-use");
    const map = await this.#load();
    if (this.#broken) await this.#compact();
    const frames = guard === undefined ? [] : [frameOf(guardPayload(guard))];
    if (changes.length > 0) frames.push(frameOf(changesPayload(changes)));
    const bytes = Buffer.concat(frames);
    await this.#append(bytes);
    if (guard !== undefined) {
      map.clear();
      this.#guard = guard;
    }
    for (const change of changes) map.apply(change);
    if (this.#end > SMALL && this.#end > WASTE * weigh(map)) await this.#compact();
  }

  async #append(bytes: Buffer): Promise<void> {
    const file = await this.#opened();
    try {
      await file.write(bytes, 0, bytes.length, this.#end);
      await file.sync();
    } catch (error) {
      // What was written of it is cut off at the next start; and before the next commit, by writing the log anew.
      this.#broken = true;
      throw ofFile(error);
    }
    this.#end += bytes.length;
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    try {
      const file = await open(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
      if (this.#end === 0) {
        await file.write(MAGIC, 0, MAGIC.length, 0);
        this.#end = MAGIC.length;
        await syncFolder(this.#path);
      }
      await file.truncate(this.#end);
      this.#file = file;
      return file;
    } catch (error) {
      throw ofFile(error);
    }
  }

  async #load(): Promise<RowMap> {
    if (this.#map !== undefined) return this.#map;
    const map = new RowMap();
    this.#guard = undefined;
    this.#end = 0;
    let bytes: Buffer = Buffer.alloc(0);
    try {
      bytes = await readFile(this.#path);
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw ofFile(error);
    }
    if (bytes.length > 0) {
      if (!bytes.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, bytes.length))) throw new SpragError("store-foreign");
      this.#end = this.#replay(bytes, map);
    }
    this.#map = map;
    return map;
  }

  /** Up to where the log is whole. */
  #replay(bytes: Buffer, map: RowMap): number {
    let at = MAGIC.length;
    if (bytes.length < at) return 0;
    for (;;) {
      const payload = frameAt(bytes, at);
      if (payload === undefined) return at;
      if (payload[0] === 1) {
        map.clear();
        this.#guard = parseGuard(payload.subarray(1));
      } else {
        for (const change of parseChanges(payload.subarray(1))) map.apply(change);
      }
      at += 4 + payload.length + SUM_LEN;
    }
  }

  /** Writes the log anew: what is there now, and nothing of before. */
  async #compact(): Promise<void> {
    const map = await this.#load();
    if (this.#guard === undefined) return;
    const changes: RowChange[] = [...map.all()].map(({ row, value }) => ({ change: "put", row, value }));
    const frames = [MAGIC, frameOf(guardPayload(this.#guard))];
    if (changes.length > 0) frames.push(frameOf(changesPayload(changes)));
    const bytes = Buffer.concat(frames);
    const part = `${this.#path}.part`;
    try {
      const file = await open(part, "w", 0o600);
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(part, this.#path);
      await syncFolder(this.#path);
      await this.#file?.close();
    } catch (error) {
      throw ofFile(error);
    }
    this.#file = undefined;
    this.#end = bytes.length;
    this.#broken = false;
  }

  async destroy(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    this.#map = undefined;
    for (const suffix of ["", ".part", ".key"]) await rm(this.#path + suffix, { force: true });
  }

  async close(): Promise<void> {
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
    await this.#lock?.release();
    this.#lock = undefined;
  }

  persisted(): Promise<boolean | undefined> {
    return Promise.resolve(undefined);
  }
}

function weigh(map: RowMap): number {
  let weight = SMALL / WASTE;
  for (const { value } of map.all()) weight += value.length + ROW_LEN + 5;
  return weight;
}

function frameOf(payload: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(payload.length);
  return Buffer.concat([length, payload, sumOf(payload)]);
}

function sumOf(payload: Buffer): Buffer {
  return createHash("sha256").update(payload).digest().subarray(0, SUM_LEN);
}

/** The payload of the whole frame that begins here, where there is one. */
function frameAt(bytes: Buffer, at: number): Buffer | undefined {
  if (bytes.length < at + 4) return undefined;
  const length = bytes.readUInt32BE(at);
  const [begin, end] = [at + 4, at + 4 + length];
  if (length === 0 || bytes.length < end + SUM_LEN) return undefined;
  const payload = bytes.subarray(begin, end);
  return sumOf(payload).equals(bytes.subarray(end, end + SUM_LEN)) ? payload : undefined;
}

function guardPayload(guard: Guard): Buffer {
  const text = (bytes: Uint8Array | undefined): string | undefined => (bytes === undefined ? undefined : Buffer.from(bytes).toString("base64url"));
  const slots = guard.slots.map(({ kind, sealed, credential, salt }) => ({ kind, sealed: text(sealed), credential: text(credential), salt: text(salt) }));
  return Buffer.concat([Buffer.from([1]), Buffer.from(JSON.stringify({ version: guard.version, slots }))]);
}

function parseGuard(bytes: Buffer): Guard {
  let found: unknown;
  try {
    found = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new SpragError("store-damaged", { cause: error });
  }
  if (!isRecord(found) || !Array.isArray(found.slots)) throw new SpragError("store-damaged");
  if (found.version !== 1) throw new SpragError("store-newer");
  return { version: 1, slots: found.slots.map(parseSlot) };
}

function parseSlot(slot: unknown): Slot {
  if (!isRecord(slot) || (slot.kind !== "key" && slot.kind !== "passphrase") || typeof slot.sealed !== "string") {
    throw new SpragError("store-damaged");
  }
  return { kind: slot.kind, sealed: new Uint8Array(Buffer.from(slot.sealed, "base64url")) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function changesPayload(changes: readonly RowChange[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from([2])];
  for (const change of changes) {
    if (change.change === "put") {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(change.value.length);
      parts.push(Buffer.from([1]), change.row, length, change.value);
    } else if (change.change === "remove") {
      parts.push(Buffer.from([2]), change.row);
    } else {
      parts.push(Buffer.from([3]), change.from, change.to);
    }
  }
  return Buffer.concat(parts);
}

function* parseChanges(bytes: Buffer): Generator<RowChange> {
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (bytes.length < at + length) throw new SpragError("store-damaged");
    const taken = new Uint8Array(bytes.subarray(at, at + length));
    at += length;
    return taken;
  };
  while (at < bytes.length) {
    const [kind] = take(1);
    if (kind === 1) {
      const row = take(ROW_LEN);
      yield { change: "put", row, value: take(Buffer.from(take(4)).readUInt32BE(0)) };
    } else if (kind === 2) {
      yield { change: "remove", row: take(ROW_LEN) };
    } else if (kind === 3) {
      yield { change: "remove-range", from: take(ROW_LEN), to: take(ROW_LEN) };
    } else {
      throw new SpragError("store-newer");
    }
  }
}

/** The wrapping key: made where there is none. */
async function keyFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const found = new Uint8Array(await readFile(path));
    const { mode } = await stat(path);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) throw new SpragError("key-exposed");
    if (found.length !== KEY_LEN) throw new SpragError("store-damaged");
    return found;
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw ofFile(error);
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, "wx", 0o600);
    try {
      const key = randomBytes(KEY_LEN);
      await file.writeFile(key);
      await file.sync();
      return new Uint8Array(key);
    } finally {
      await file.close();
      await syncFolder(path);
    }
  } catch (error) {
    throw ofFile(error);
  }
}

/** A new name is durable when its folder is. */
async function syncFolder(path: string): Promise<void> {
  // Windows syncs no folders.
  if (process.platform === "win32") return;
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function ofFile(error: unknown): SpragError {
  if (error instanceof SpragError) return error;
  if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT")) return new SpragError("disk-full", { cause: error });
  return new SpragError("store-io", { cause: error });
}

