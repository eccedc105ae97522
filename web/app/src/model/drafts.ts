/** What was written and not sent, for each conversation. */
import { signal, type ReadonlySignal } from "@preact/signals-core";

/** Where drafts outlive the page. It may keep nothing at all. */
export interface DraftKeeper {
  load(): Promise<Readonly<Record<string, string>>>;
  save(drafts: Readonly<Record<string, string>>): Promise<void>;
}

/** Keeps nothing: what is written is gone with the page. */
export const KEEPS_NOTHING: DraftKeeper = {
  load: () => Promise.resolve({}),
  save: () => Promise.resolve(),
};

export class Drafts {
  readonly #texts = signal<Readonly<Record<string, string>>>({});
  readonly #keeper: DraftKeeper;
  #saving: Promise<void> = Promise.resolve();
  #dirty = false;

  constructor(keeper: DraftKeeper) {
    this.#keeper = keeper;
  }

  get all(): ReadonlySignal<Readonly<Record<string, string>>> {
    return this.#texts;
  }

  of(user: string): string {
    return this.#texts.value[user] ?? "";
  }

  async load(): Promise<void> {
    const kept = await this.#keeper.load().catch(() => ({}));
    // What is written here already is newer.
    this.#texts.value = { ...kept, ...this.#texts.value };
  }

  set(user: string, text: string): void {
    const { [user]: before = "", ...others } = this.#texts.value;
    if (before === text) return;
    this.#texts.value = text === "" ? others : { ...others, [user]: text };
    this.#dirty = true;
    this.#saving = this.#saving.then(() => this.#save());
  }

  /** Resolves once what was written so far is kept. */
  async kept(): Promise<void> {
    await this.#saving;
  }

  async #save(): Promise<void> {
    if (!this.#dirty) return;
    this.#dirty = false;
    // A draft that cannot be kept is still here; there is nothing to tell.
    await this.#keeper.save(this.#texts.value).catch(() => undefined);
  }
}
