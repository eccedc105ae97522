/** A message of one's own, and how far it has come. */

import type { Client } from "./client.js";
import { SpragError } from "./error.js";
import type { Failure, MessageState, Waiting } from "./face.js";
import { patience } from "./waiting.js";

const ORDER: readonly MessageState[] = ["queued", "sending", "sent", "delivered", "read"];

/** What a message is known by. */
export interface SentParts {
  id: string;
  to: string;
  position: number | undefined;
  state: MessageState;
  failure: Failure | undefined;
}

/** A message that will be sent, also after a restart. */
export class Sent {
  /** What both sides call it. */
  readonly id: string;
  readonly to: string;
  /** Its place in the conversation; undefined where it was asked for by its id. */
  readonly position: number | undefined;
  readonly #client: Client;
  readonly #listeners = new Set<(state: MessageState) => void>();
  #state: MessageState;
  #failure: Failure | undefined;

  /** @internal */
  constructor(client: Client, parts: SentParts) {
    this.#client = client;
    this.id = parts.id;
    this.to = parts.to;
    this.position = parts.position;
    this.#state = parts.state;
    this.#failure = parts.failure;
  }

  /** How far it has come, as last heard. */
  get status(): MessageState {
    return this.#state;
  }

  /** Why, where it failed. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** Listens; what it gives ends that. */
  on(_event: "status", listener: (state: MessageState) => void): () => void {
    this.#listeners.add(listener);
    const release = this.#client.hold(this);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) release();
    };
  }

  /** Waits until it has come so far, or further. Throws `no-such-account` or `not-sent` where it was given up, `timeout`. */
  async reached(state: Exclude<MessageState, "failed">, options: Waiting = {}): Promise<MessageState> {
    const stop = new AbortController();
    return await new Promise<MessageState>((resolve, reject) => {
      const look = (now: MessageState): void => {
        if (now === "failed") reject(new SpragError(this.#failure ?? "not-sent"));
        else if (ORDER.indexOf(now) >= ORDER.indexOf(state)) resolve(now);
      };
      const off = this.on("status", look);
      const closed = this.#client.once("closed", () => {
        reject(new SpragError("closed"));
      });
      stop.signal.addEventListener("abort", () => {
        off();
        closed();
      });
      patience(options, stop.signal, reject);
      look(this.#state);
    }).finally(() => {
      stop.abort();
    });
  }

  /** Tries again what failed. */
  async retry(): Promise<void> {
    await this.#client.retry(this.to, this.id);
    this.heard("queued", undefined);
  }

  /** @internal */
  heard(state: MessageState, failure: Failure | undefined): void {
    // What comes late says nothing new; but what failed can begin again.
    if (state !== "failed" && this.#state !== "failed" && ORDER.indexOf(state) <= ORDER.indexOf(this.#state)) return;
    if (state === this.#state) return;
    this.#state = state;
    this.#failure = failure;
    for (const listener of [...this.#listeners]) listener(state);
  }
}
