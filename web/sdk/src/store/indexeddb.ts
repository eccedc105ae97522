/**
 * A profile in IndexedDB: sealed rows, and what guards them. A commit is one transaction with `durability: "strict"`, so it
 * is on the disk when it is done. Each carries the number of the tab that leads: one that does not any more changes nothing.
 */

import type { Read, Row, RowChange } from "../engine.js";
import { SpragError } from "../error.js";
import { makeWrappingKey, type Guard, type Place, type RowStore } from "../rows.js";

const PREFIX = "sprag-";
const ROWS = "rows";
const GUARD = "guard";
const VERSION = 1;

/** A database of this page's origin. */
export class IndexedDbPlace implements Place {
  readonly name: string;
  readonly shared = true;

  constructor(name: string) {
    this.name = PREFIX + name;
  }

  async rows(): Promise<RowStore> {
    return new IndexedDbRows(this.name, await openDatabase(this.name));
  }

  evicted(): boolean {
    return marks()?.getItem(this.name) === "1";
  }

  mark(there: boolean): void {
    try {
      if (there) marks()?.setItem(this.name, "1");
      else marks()?.removeItem(this.name);
    } catch {
      // Without a mark an eviction is found out later, by the relay: `name-taken`.
    }
  }
}

/** The names of the databases of this package, without what they begin with; undefined where the browser does not tell. */
export async function databaseNames(): Promise<string[] | undefined> {
  const factory = indexedDbHere() as Partial<IDBFactory>;
  if (factory.databases === undefined) return undefined;
  const found = await factory.databases();
  return found.flatMap(({ name }) => (name?.startsWith(PREFIX) === true ? [name.slice(PREFIX.length)] : []));
}

/** What lives as long as the site's data, but is kept apart from IndexedDB; workers have none. */
function marks(): Storage | undefined {
  try {
    return (globalThis as Partial<typeof globalThis>).localStorage;
  } catch {
    return undefined;
  }
}

function indexedDbHere(): IDBFactory {
  try {
    const factory = (globalThis as Partial<typeof globalThis>).indexedDB;
    if (factory !== undefined) return factory;
  } catch {
    // Some browsers throw where storage is blocked.
  }
  throw new SpragError("NO_INDEXEDDB");
}

function openDatabase(name: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    let request: IDBOpenDBRequest;
    try {
      request = indexedDbHere().open(name, VERSION);
    } catch (error) {
      reject(error instanceof SpragError ? error : new SpragError("NO_INDEXEDDB", { cause: error }));
      return;
    }
    request.onupgradeneeded = () => {
      request.result.createObjectStore(ROWS);
      request.result.createObjectStore(GUARD);
    };
    request.onblocked = () => {
      reject(new SpragError("in-use"));
    };
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      const cause = request.error;
      const code = cause?.name === "VersionError" ? "store-newer" : cause?.name === "QuotaExceededError" ? "disk-full" : "NO_INDEXEDDB";
      reject(new SpragError(code, { cause }));
    };
  });
}

/** Waits for a transaction to be durable. */
function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => {
      resolve();
    };
    transaction.onabort = () => {
      reject(ofDatabase(transaction.error));
    };
  });
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(ofDatabase(request.error));
    };
  });
}

function ofDatabase(cause: DOMException | null): SpragError {
  return new SpragError(cause?.name === "QuotaExceededError" ? "disk-full" : "store-io", { cause });
}

class IndexedDbRows implements RowStore {
  readonly #name: string;
  readonly #db: IDBDatabase;
  /** The number of this handle's lead; 0 where it follows. */
  #term = 0;
  #closed = false;
  onLost: (() => void) | undefined;

  constructor(name: string, db: IDBDatabase) {
    this.#name = name;
    this.#db = db;
    // Site data was cleared, or the disk failed.
    db.onclose = () => {
      this.#lost();
    };
    // Somebody deletes the profile.
    db.onversionchange = () => {
      db.close();
      this.#lost();
    };
  }

  #lost(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onLost?.();
  }

  #begin(stores: string[], mode: IDBTransactionMode): IDBTransaction {
    try {
      return this.#db.transaction(stores, mode, { durability: "strict" });
    } catch (error) {
      throw new SpragError("store-io", { cause: error });
    }
  }

  async guard(): Promise<Guard | undefined> {
    const guard: unknown = await answer(this.#begin([GUARD], "readonly").objectStore(GUARD).get("guard"));
    if (guard === undefined) return undefined;
    if (!isGuard(guard)) throw new SpragError("store-damaged");
    const { version, slots } = guard;
    if (version !== 1) throw new SpragError("store-newer");
    return { version, slots };
  }

  async wrappingKey(): Promise<CryptoKey> {
    const kept = await this.#wrappingKey();
    if (kept !== undefined) return kept;
    const made = await makeWrappingKey();
    const transaction = this.#begin([GUARD], "readwrite");
    // `add` fails where another tab was quicker; then its key is the one.
    transaction.objectStore(GUARD).add(made, "key");
    try {
      await done(transaction);
    } catch (error) {
      const other = await this.#wrappingKey();
      if (other === undefined) throw error;
      return other;
    }
    return made;
  }

  async #wrappingKey(): Promise<CryptoKey | undefined> {
    const kept: unknown = await answer(this.#begin([GUARD], "readonly").objectStore(GUARD).get("key"));
    return kept instanceof CryptoKey ? kept : undefined;
  }

  async setGuard(guard: Guard): Promise<void> {
    const transaction = this.#begin([GUARD], "readwrite");
    transaction.objectStore(GUARD).put(guard, "guard");
    await done(transaction);
  }

  async lead(): Promise<void> {
    const transaction = this.#begin([GUARD], "readwrite");
    const store = transaction.objectStore(GUARD);
    const kept = store.get("term") as IDBRequest<unknown>;
    let term = 1;
    kept.onsuccess = () => {
      term = (typeof kept.result === "number" ? kept.result : 0) + 1;
      store.put(term, "term");
    };
    await done(transaction);
    this.#term = term;
  }

  async read(reads: readonly Read[]): Promise<Row[][]> {
    const store = this.#begin([ROWS], "readonly").objectStore(ROWS);
    return await Promise.all(reads.map((read) => readRows(store, read)));
  }

  async commit(changes: readonly RowChange[], guard?: Guard): Promise<void> {
    const transaction = this.#begin([ROWS, GUARD], "readwrite");
    const [rows, guards] = [transaction.objectStore(ROWS), transaction.objectStore(GUARD)];
    const fence = { held: true };
    const kept = guards.get("term") as IDBRequest<unknown>;
    kept.onsuccess = () => {
      if (kept.result !== this.#term) {
        fence.held = false;
        transaction.abort();
      }
    };
    if (guard !== undefined) {
      rows.clear();
      guards.put(guard, "guard");
    }
    for (const change of changes) makeChange(rows, change);
    const ended = done(transaction);
    try {
      await ended;
    } catch (error) {
      throw fence.held ? error : new SpragError("in-use", { cause: error });
    }
  }

  async destroy(): Promise<void> {
    await this.close();
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.deleteDatabase(this.#name);
      request.onsuccess = () => {
        resolve();
      };
      request.onerror = () => {
        reject(ofDatabase(request.error));
      };
      // Other tabs let go of it when they hear of it.
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#db.close();
    return Promise.resolve();
  }

  async persisted(): Promise<boolean | undefined> {
    return await (navigator as Partial<Navigator>).storage?.persisted();
  }
}

function makeChange(rows: IDBObjectStore, change: RowChange): void {
  switch (change.change) {
    case "put":
      rows.put(tight(change.value), tight(change.row));
      break;
    case "remove":
      rows.delete(tight(change.row));
      break;
    case "remove-range":
      rows.delete(IDBKeyRange.bound(tight(change.from), tight(change.to)));
      break;
  }
}

/** Bytes in a buffer of their own: a view would be kept with all that is around it. */
function tight(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength
    ? new Uint8Array(bytes.buffer)
    : new Uint8Array(bytes);
}

async function readRows(store: IDBObjectStore, read: Read): Promise<Row[]> {
  if (read.read === "row") {
    const value: unknown = await answer(store.get(tight(read.row)));
    return value === undefined ? [] : [{ row: read.row, value: bytesOf(value) }];
  }
  const range = IDBKeyRange.bound(tight(read.from), tight(read.to));
  if (!read.newestFirst) {
    const limit = Number.isSafeInteger(read.limit) && read.limit < 0xffffffff ? read.limit : undefined;
    const [keys, values]: [unknown[], unknown[]] = await Promise.all([
      answer(store.getAllKeys(range, limit)),
      answer(store.getAll(range, limit)),
    ]);
    return keys.map((key, index) => ({ row: bytesOf(key), value: bytesOf(values[index]) }));
  }
  return await new Promise((resolve, reject) => {
    const found: Row[] = [];
    const request = store.openCursor(range, "prev");
    request.onerror = () => {
      reject(ofDatabase(request.error));
    };
    request.onsuccess = () => {
      const cursor = request.result;
      if (cursor === null || found.length >= read.limit) {
        resolve(found);
        return;
      }
      found.push({ row: bytesOf(cursor.primaryKey), value: bytesOf(cursor.value) });
      cursor.continue();
    };
  });
}

/** What the database gives for bytes. Anything else is damage, and the engine finds that out. */
function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return new Uint8Array();
}

function isGuard(value: unknown): value is { version: unknown; slots: Guard["slots"] } {
  return typeof value === "object" && value !== null && "version" in value && "slots" in value && Array.isArray(value.slots);
}
