/** Where a profile is kept, as people say it. */

import { IndexedDbPlace } from "./store/indexeddb.js";
import { MemoryPlace } from "./store/memory.js";
import { filePlace } from "#platform";
import type { Place } from "./rows.js";

/** Made by `indexedDb`, `memory`, `file`. */
export class Storage {
  readonly kind: "indexeddb" | "memory" | "file";
  readonly #place: (ownName: () => Promise<string>) => Promise<Place>;

  /** @internal */
  constructor(kind: Storage["kind"], place: (ownName: () => Promise<string>) => Promise<Place>) {
    this.kind = kind;
    this.#place = place;
  }

  /** @internal */
  async place(ownName: () => Promise<string>): Promise<Place> {
    return await this.#place(ownName);
  }
}

/** A database of this page's origin. Without a name: one for each relay and account. */
export function indexedDb(name?: string): Storage {
  return new Storage("indexeddb", async (ownName) => new IndexedDbPlace(name ?? (await ownName())));
}

/** Gone in the end. Each call makes another store; the same one can be opened again after `close`. */
export function memory(): Storage {
  const place = new MemoryPlace();
  return new Storage("memory", () => Promise.resolve(place));
}

/** In Node: a file, beside it `PATH.key` with the wrapping key, and `PATH.lock`. */
export function file(path: string): Storage {
  return new Storage("file", () => Promise.resolve(filePlace(path)));
}
