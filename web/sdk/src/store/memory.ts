/** A profile in memory: gone in the end. */

import { SpragError } from "../error.js";
import type { Read, Row, RowChange } from "../engine.js";
import { makeWrappingKey, RowMap, type Guard, type Place, type RowStore } from "../rows.js";

let made = 0;

/** A place in memory. It stays when it is closed, as long as the place does. */
export class MemoryPlace implements Place {
  readonly name: string;
  readonly shared = false;
  readonly disk = new Disk();

  constructor() {
    made += 1;
    this.name = `sprag-memory-${made}`;
  }

  rows(): Promise<RowStore> {
    return Promise.resolve(new MemoryRows(this.disk));
  }

  evicted(): boolean {
    return false;
  }

  mark(): void {
    // There is nothing that could be evicted.
  }
}

/** What outlives a handle. */
class Disk {
  readonly map = new RowMap();
  guard: Guard | undefined;
  key: Promise<CryptoKey> | undefined;
  leader: MemoryRows | undefined;
}

class MemoryRows implements RowStore {
  readonly #disk: Disk;
  onLost: (() => void) | undefined;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  guard(): Promise<Guard | undefined> {
    return Promise.resolve(this.#disk.guard);
  }

  wrappingKey(): Promise<CryptoKey> {
    this.#disk.key ??= makeWrappingKey();
    return this.#disk.key;
  }

  setGuard(guard: Guard): Promise<void> {
    this.#disk.guard = guard;
    return Promise.resolve();
  }

  lead(): Promise<void> {
    if (this.#disk.leader !== undefined) return Promise.reject(new SpragError("in-use"));
    this.#disk.leader = this;
    return Promise.resolve();
  }

  read(reads: readonly Read[]): Promise<Row[][]> {
    return Promise.resolve(reads.map((read) => this.#disk.map.read(read)));
  }

  commit(changes: readonly RowChange[], guard?: Guard): Promise<void> {
    if (this.#disk.leader !== this) return Promise.reject(new SpragError("in-use"));
    if (guard !== undefined) {
      this.#disk.map.clear();
      this.#disk.guard = guard;
    }
    for (const change of changes) this.#disk.map.apply(change);
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    this.#disk.map.clear();
    this.#disk.guard = undefined;
    this.#disk.key = undefined;
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (this.#disk.leader === this) this.#disk.leader = undefined;
    return Promise.resolve();
  }

  persisted(): Promise<boolean | undefined> {
    return Promise.resolve(undefined);
  }
}
