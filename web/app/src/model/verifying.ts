/** Whether somebody is who one thinks: the safety number, what it was compared with, and what came of that. */
import { batch, signal } from "@preact/signals-core";
import type { Client, Comparison, Peer, SafetyNumber } from "./sprag.js";
import { explain, type Problem } from "./words.js";

/** What the text of a code begins with, where it is written out. */
export const SAFETY_PREFIX = "sprag-safety:";

/** What a comparison has shown. It stays until another one is made. */
export interface Verdict {
  readonly comparison: Comparison;
  /** Whether it was compared with the number under the new key. */
  readonly isOffered: boolean;
}

export class Verifying {
  readonly with: string;
  readonly peer = signal<Peer | undefined>(undefined);
  readonly number = signal<SafetyNumber | undefined>(undefined);
  /** The number under the key that the relay offers instead. */
  readonly offered = signal<SafetyNumber | undefined>(undefined);
  readonly pasted = signal("");
  readonly verdict = signal<Verdict | undefined>(undefined);
  readonly problem = signal<Problem | undefined>(undefined);
  readonly busy = signal(false);
  readonly #client: Client;

  constructor(user: string, client: Client) {
    this.with = user;
    this.#client = client;
  }

  async load(): Promise<void> {
    // What is under way looks again when it is done.
    await this.#guarded(() => this.#load());
  }

  /** What was typed or pasted so far; it answers by itself. */
  paste(text: string): void {
    this.pasted.value = text;
    const words = text.trim();
    if (words === "") this.verdict.value = undefined;
    else this.compare(words.startsWith(SAFETY_PREFIX) ? words.slice(SAFETY_PREFIX.length) : words);
  }

  /** What a camera saw: the bytes of a code, or a code as text. */
  scan(bytes: Uint8Array): void {
    this.compare(bytes);
    if (this.verdict.value?.comparison === "not-a-code") this.paste(new TextDecoder().decode(bytes));
    else this.pasted.value = "";
  }

  /** Compares with what the other side shows; with a changed key, with the new number first. */
  compare(theirs: string | Uint8Array): void {
    const number = this.number.value;
    if (number === undefined) return;
    const offered = this.offered.value;
    const withOffered = offered?.compare(theirs);
    if (withOffered === "match" || withOffered === "incomplete") {
      this.verdict.value = { comparison: withOffered, isOffered: true };
      return;
    }
    const comparison = number.compare(theirs);
    // What is not the old number either is judged by the new one, which is what matters now.
    this.verdict.value = withOffered === undefined || comparison === "match" || comparison === "incomplete"
      ? { comparison, isOffered: false }
      : { comparison: withOffered, isOffered: true };
  }

  async setVerified(verified: boolean): Promise<void> {
    await this.#guarded(async () => {
      await this.#client.setVerified(this.with, verified);
      await this.#load();
    });
  }

  /** Takes the new key; where the numbers were compared and are the same, it is verified too. */
  async acceptKey(): Promise<void> {
    const compared = this.verdict.value;
    await this.#guarded(async () => {
      await this.#client.acceptKey(this.with);
      if (compared?.isOffered === true && compared.comparison === "match") await this.#client.setVerified(this.with, true);
      await this.#load();
      if (compared !== undefined) this.verdict.value = { ...compared, isOffered: false };
    });
  }

  async #load(): Promise<void> {
    const peer = (await this.#client.peer(this.with)) ?? (await this.#client.meet(this.with));
    const number = await this.#client.safetyNumber(this.with);
    const isChanged = peer.trust.state === "key-changed";
    const offered = isChanged ? await this.#client.safetyNumber(this.with, { offered: true }) : undefined;
    batch(() => {
      this.peer.value = peer;
      this.number.value = number;
      this.offered.value = offered;
    });
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    if (this.busy.value) return;
    this.busy.value = true;
    this.problem.value = undefined;
    try {
      await work();
    } catch (error) {
      this.problem.value = explain(error);
    } finally {
      this.busy.value = false;
    }
  }
}
