/** Listeners, by the kind of event. One that throws disturbs no other. */

/** Tells events to whoever listens. */
export class Emitter<E extends object> {
  readonly #listeners = new Map<keyof E, Set<(event: never) => void>>();

  /** Listens; what it gives ends that. */
  on<K extends keyof E>(kind: K, listener: (event: E[K]) => void): () => void {
    let listeners = this.#listeners.get(kind);
    if (listeners === undefined) {
      listeners = new Set();
      this.#listeners.set(kind, listeners);
    }
    listeners.add(listener);
    return () => {
      this.off(kind, listener);
    };
  }

  once<K extends keyof E>(kind: K, listener: (event: E[K]) => void): () => void {
    const off = this.on(kind, (event) => {
      off();
      listener(event);
    });
    return off;
  }

  off<K extends keyof E>(kind: K, listener: (event: E[K]) => void): void {
    this.#listeners.get(kind)?.delete(listener);
  }

  emit<K extends keyof E>(kind: K, event: E[K]): void {
    const listeners = this.#listeners.get(kind) as Set<(event: E[K]) => void> | undefined;
    for (const listener of [...(listeners ?? [])]) {
      try {
        listener(event);
      } catch (error) {
        // As with DOM events: it is the page's fault, and the page is told.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** An async iteration of what is pushed. */
export class Queue<T> implements AsyncIterableIterator<T> {
  readonly #waiting: T[] = [];
  readonly #readers: ((result: IteratorResult<T>) => void)[] = [];
  readonly #end: () => void;
  #ended = false;

  constructor(end: () => void) {
    this.#end = end;
  }

  push(value: T): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#waiting.push(value);
    else reader({ done: false, value });
  }

  finish(): void {
    this.#ended = true;
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined });
  }

  next(): Promise<IteratorResult<T>> {
    const value = this.#waiting.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<T>> {
    this.#end();
    this.#waiting.length = 0;
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
