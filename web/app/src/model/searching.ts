/** Searching all conversations, while one types. */
import { batch, signal } from "@preact/signals-core";
import type { Client, MessageEntry } from "./sprag.js";
import { explain, type Problem } from "./words.js";

export interface Hit {
  readonly with: string;
  readonly entry: MessageEntry;
}

const MOST = 50;

export class Searching {
  readonly words = signal("");
  readonly hits = signal<readonly Hit[]>([]);
  readonly isSearching = signal(false);
  readonly problem = signal<Problem | undefined>(undefined);
  readonly #client: Pick<Client, "search">;
  #cancel: AbortController | undefined;

  constructor(client: Pick<Client, "search">) {
    this.#client = client;
  }

  /** Searches for this from now on; what was searched for before is given up. */
  async search(words: string): Promise<void> {
    this.#cancel?.abort();
    this.words.value = words;
    this.problem.value = undefined;
    const wanted = words.trim();
    if (wanted === "") {
      this.#cancel = undefined;
      batch(() => {
        this.hits.value = [];
        this.isSearching.value = false;
      });
      return;
    }
    const cancel = new AbortController();
    this.#cancel = cancel;
    this.isSearching.value = true;
    try {
      const hits = await this.#client.search(wanted, { limit: MOST, signal: cancel.signal });
      if (cancel.signal.aborted) return;
      this.hits.value = hits;
    } catch (error) {
      if (!cancel.signal.aborted) this.problem.value = explain(error);
    } finally {
      if (this.#cancel === cancel) this.isSearching.value = false;
    }
  }
}

/** Where the words are in a text, for showing them: what is before, the words, what is after. */
export function around(text: string, words: string, room = 40): { before: string; hit: string; after: string } {
  const flat = text.replace(/\s+/g, " ");
  const first = words.trim().split(/\s+/)[0] ?? "";
  const at = first === "" ? -1 : flat.toLowerCase().indexOf(first.toLowerCase());
  if (at < 0) return { before: flat, hit: "", after: "" };
  const begin = at > room ? flat.lastIndexOf(" ", at - room / 2) + 1 : 0;
  return {
    before: (begin > 0 ? "… " : "") + flat.slice(begin, at),
    hit: flat.slice(at, at + first.length),
    after: flat.slice(at + first.length),
  };
}
