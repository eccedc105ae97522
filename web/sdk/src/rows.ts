/** Where sealed rows are kept: what every store does. */

import type { Read, Row, RowChange } from "./engine.js";

/** One way to open the store key. `sealed` is under the store's wrapping key (AES-GCM), whatever it opens with besides. */
export interface Slot {
  kind: "key" | "passphrase" | "passkey";
  sealed: Uint8Array<ArrayBuffer>;
  /** Of a passkey: its credential, and the salt of its PRF. */
  credential?: Uint8Array<ArrayBuffer>;
  salt?: Uint8Array<ArrayBuffer>;
}

/** What guards a profile. It is there exactly when there is a profile. */
export interface Guard {
  version: 1;
  slots: Slot[];
}

/** Rows of one profile. Ids sort as bytes do. */
export interface RowStore {
  guard(): Promise<Guard | undefined>;
  /** The key that slots are sealed under: made where there is none, and never shown. */
  wrappingKey(): Promise<CryptoKey>;
  /** Changes the guard of a profile that is there. */
  setGuard(guard: Guard): Promise<void>;
  /** From now on only this handle may commit; others fail with `in-use`. */
  lead(): Promise<void>;
  read(reads: readonly Read[]): Promise<Row[][]>;
  /** All changes, durably, or none. With a guard: a new profile begins, in place of whatever is there. */
  commit(changes: readonly RowChange[], guard?: Guard): Promise<void>;
  /** Removes everything. */
  destroy(): Promise<void>;
  close(): Promise<void>;
  /** Whether the storage is promised to stay; undefined where that is no question. */
  persisted(): Promise<boolean | undefined>;
  /** Is called where everything is taken away from under it. */
  onLost: (() => void) | undefined;
}

/** A place for one profile. */
export interface Place {
  /** What locks and channels are named after. */
  readonly name: string;
  /** Whether other tabs may use it too. */
  readonly shared: boolean;
  rows(): Promise<RowStore>;
  /** Whether a profile was here and is gone without anybody asking for it. */
  evicted(): boolean;
  /** Notes that a profile is here, or not any more. */
  mark(there: boolean): void;
}

/** A key of a map, out of a row's id. */
export function textOf(row: Uint8Array): string {
  let text = "";
  for (const byte of row) text += String.fromCharCode(byte);
  return text;
}

/** Makes a wrapping key that cannot be read out again. */
export async function makeWrappingKey(): Promise<CryptoKey> {
  return await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

/** Rows in memory, as the other stores without a database use them too. */
export class RowMap {
  #rows = new Map<string, Row>();
  #sorted: string[] | undefined;

  get size(): number {
    return this.#rows.size;
  }

  clear(): void {
    this.#rows.clear();
    this.#sorted = undefined;
  }

  *all(): Generator<Row> {
    yield* this.#rows.values();
  }

  read(read: Read): Row[] {
    if (read.read === "row") {
      const row = this.#rows.get(textOf(read.row));
      return row === undefined ? [] : [row];
    }
    const found = this.#between(textOf(read.from), textOf(read.to), read.newestFirst, read.limit);
    return found.flatMap((id) => this.#rows.get(id) ?? []);
  }

  apply(change: RowChange): void {
    switch (change.change) {
      case "put": {
        const id = textOf(change.row);
        if (!this.#rows.has(id)) this.#sorted = undefined;
        this.#rows.set(id, { row: change.row, value: change.value });
        break;
      }
      case "remove":
        if (this.#rows.delete(textOf(change.row))) this.#sorted = undefined;
        break;
      case "remove-range":
        for (const id of this.#between(textOf(change.from), textOf(change.to), false, Infinity)) this.#rows.delete(id);
        this.#sorted = undefined;
        break;
    }
  }

  #between(from: string, to: string, newestFirst: boolean, limit: number): string[] {
    this.#sorted ??= [...this.#rows.keys()].sort((one, other) => (one < other ? -1 : 1));
    const sorted = this.#sorted;
    const begin = lowerBound(sorted, from);
    let end = lowerBound(sorted, to);
    if (sorted[end] === to) end += 1;
    if (end <= begin) return [];
    if (!newestFirst) return sorted.slice(begin, Math.min(end, begin + limit));
    return sorted.slice(Math.max(begin, end - limit), end).reverse();
  }
}

function lowerBound(sorted: readonly string[], wanted: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
