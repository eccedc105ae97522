/**
 * One conversation as it is looked at: a window of its history that grows upward and downward, the line above
 * what is unread, and what is said in it.
 */
import { batch, signal } from "@preact/signals-core";
import type { Drafts } from "./drafts.js";
import type { Client, Conversation, Entry, Events, Peer } from "./sprag.js";
import { explain, type Problem } from "./words.js";

/** Entries that are loaded at once. */
export const PAGE = 50;
/** Beyond so many, those that are furthest from where one looks are let go. */
const MOST = 400;

export class Talk {
  readonly with: string;
  readonly entries = signal<readonly Entry[]>([]);
  /** Whether there are older and newer ones than those. */
  readonly hasOlder = signal(false);
  readonly hasNewer = signal(false);
  readonly isLoaded = signal(false);
  readonly conversation = signal<Conversation | undefined>(undefined);
  readonly peer = signal<Peer | undefined>(undefined);
  /** The position from which on it was unread when one came. */
  readonly divider = signal<number | undefined>(undefined);
  /** What to show: an entry that was searched for. Each jump is a new object. */
  readonly target = signal<{ position: number } | undefined>(undefined);
  readonly problem = signal<Problem | undefined>(undefined);
  readonly #client: Client;
  readonly #drafts: Drafts;
  #loading = false;
  #closed = false;
  /** Whether the newest is being looked at. */
  #isWatched = false;
  #readThrough = -1;

  constructor(user: string, client: Client, drafts: Drafts) {
    this.with = user;
    this.#client = client;
    this.#drafts = drafts;
  }

  /** Loads the newest entries, or those around the first unread one where there are many. */
  async open(position?: number): Promise<void> {
    await this.#guarded(async () => {
      const [conversation, peer] = await Promise.all([this.#client.conversation(this.with), this.#client.peer(this.with)]);
      const unread = conversation?.unread ?? 0;
      const around = position ?? (unread > PAGE / 2 ? conversation?.readBelow : undefined);
      if (around === undefined) await this.#loadNewest();
      else await this.#loadAround(around);
      batch(() => {
        this.conversation.value = conversation;
        this.peer.value = peer;
        this.isLoaded.value = true;
        if (unread > 0 && conversation !== undefined) this.divider.value = conversation.readBelow;
        if (position !== undefined) this.target.value = { position };
      });
    });
  }

  close(): void {
    this.#closed = true;
  }

  async loadOlder(): Promise<void> {
    const first = this.entries.value[0];
    if (first === undefined || !this.hasOlder.value) return;
    await this.#alone(async () => {
      const older = await this.#client.messages(this.with, { before: first.position, limit: PAGE });
      batch(() => {
        this.hasOlder.value = older.length === PAGE;
        this.#put(older);
        // One is looking at the top; the bottom can be loaded again.
        if (this.entries.value.length > MOST) {
          this.entries.value = this.entries.value.slice(0, MOST);
          this.hasNewer.value = true;
        }
      });
    });
  }

  async loadNewer(): Promise<void> {
    const last = this.entries.value.at(-1);
    if (last === undefined || !this.hasNewer.value) return;
    await this.#alone(async () => {
      const newer = await this.#client.messages(this.with, { from: last.position + 1, limit: PAGE });
      batch(() => {
        this.hasNewer.value = newer.length === PAGE;
        this.#put(newer);
        if (this.entries.value.length > MOST) {
          this.entries.value = this.entries.value.slice(-MOST);
          this.hasOlder.value = true;
        }
      });
    });
  }

  /** Back to what was said last. */
  async toNewest(): Promise<void> {
    if (this.hasNewer.value) await this.#alone(() => this.#loadNewest());
    const last = this.entries.value.at(-1);
    if (last !== undefined) this.target.value = { position: last.position };
  }

  /** Shows an entry, wherever it is in the history. */
  async jump(position: number): Promise<void> {
    if (!this.entries.value.some((entry) => entry.position === position)) {
      await this.#alone(() => this.#loadAround(position));
    }
    this.target.value = { position };
  }

  /** Writes a text. Whether it is kept now, and will be sent. */
  async send(text: string): Promise<boolean> {
    const words = text.trim();
    if (words === "") return false;
    this.problem.value = undefined;
    this.#drafts.set(this.with, "");
    try {
      await this.#client.send(this.with, words);
      this.divider.value = undefined;
      if (this.hasNewer.value) await this.toNewest();
      return true;
    } catch (error) {
      // It is not lost; whoever wrote more in the meantime keeps that too.
      const since = this.#drafts.of(this.with);
      this.#drafts.set(this.with, since === "" ? text : `${text}\n${since}`);
      this.problem.value = explain(error);
      return false;
    }
  }

  async retry(id: string): Promise<void> {
    await this.#guarded(async () => {
      await this.#client.retry(this.with, id);
    });
  }

  async acceptKey(): Promise<void> {
    await this.#guarded(async () => {
      await this.#client.acceptKey(this.with);
      await this.look();
    });
  }

  /** Whether the newest entry is in view, on a page that somebody looks at. */
  watch(isWatched: boolean): void {
    this.#isWatched = isWatched;
    if (isWatched) this.#markRead();
  }

  /** Asks again what is known of the conversation and of who it is with. */
  async look(): Promise<void> {
    await this.#guarded(async () => {
      const [conversation, peer] = await Promise.all([this.#client.conversation(this.with), this.#client.peer(this.with)]);
      batch(() => {
        this.conversation.value = conversation;
        this.peer.value = peer;
      });
    });
  }

  /** Everything anew, where one is. */
  async reload(): Promise<void> {
    const { length } = this.entries.value;
    const last = this.entries.value.at(-1);
    if (!this.isLoaded.value) return;
    await this.#alone(async () => {
      if (last === undefined || !this.hasNewer.value) {
        await this.#loadNewest(Math.max(PAGE, length));
        return;
      }
      const entries = await this.#client.messages(this.with, { before: last.position + 1, limit: Math.max(PAGE, length) });
      this.entries.value = entries;
    });
    await this.look();
  }

  /** Something was said here. */
  heard(entry: Entry): void {
    if (!this.isLoaded.value) return;
    const isNew = entry.position > (this.entries.value.at(-1)?.position ?? -1);
    // With newer ones not loaded there would be a gap before it.
    if (isNew && this.hasNewer.value) return;
    if (isNew && !entry.own && !this.#isWatched && this.divider.value === undefined) this.divider.value = entry.position;
    this.#put([entry]);
    if (this.#isWatched) this.#markRead();
  }

  /** A message has come further. */
  walked({ id, state, failure }: Events["state"]): void {
    this.entries.value = this.entries.value.map((entry) =>
      entry.kind === "message" && entry.id === id ? { ...entry, state, failure } : entry,
    );
  }

  async #loadNewest(limit = PAGE): Promise<void> {
    const entries = await this.#client.messages(this.with, { limit });
    batch(() => {
      this.entries.value = entries;
      this.hasOlder.value = entries.length === limit;
      this.hasNewer.value = false;
    });
  }

  async #loadAround(position: number): Promise<void> {
    const [older, newer] = await Promise.all([
      this.#client.messages(this.with, { before: position, limit: PAGE / 2 }),
      this.#client.messages(this.with, { from: position, limit: PAGE }),
    ]);
    batch(() => {
      this.entries.value = [...older, ...newer];
      this.hasOlder.value = older.length === PAGE / 2;
      this.hasNewer.value = newer.length === PAGE;
    });
  }

  #markRead(): void {
    const last = this.entries.value.at(-1);
    if (last === undefined || this.hasNewer.value || last.position <= this.#readThrough) return;
    this.#readThrough = last.position;
    this.#client.markRead(this.with, last.position).catch(() => {
      // It is tried again at the next look.
      this.#readThrough = -1;
    });
  }

  /** Puts entries where they belong; one that is there already is replaced. */
  #put(entries: readonly Entry[]): void {
    const all = new Map(this.entries.value.map((entry) => [entry.position, entry]));
    for (const entry of entries) all.set(entry.position, entry);
    this.entries.value = [...all.values()].sort((one, other) => one.position - other.position);
  }

  /** One load at a time. */
  async #alone(work: () => Promise<void>): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    try {
      await this.#guarded(work);
    } finally {
      this.#loading = false;
    }
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.#closed) this.problem.value = explain(error);
    }
  }
}
