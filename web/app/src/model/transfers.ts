/** Files on their way: up before they are messages, down when somebody wants them. */
import { signal } from "@preact/signals-core";
import { codeOf, type Attachment, type Client } from "./sprag.js";
import { explain, type Problem } from "./words.js";

/** The largest file that can be sent. */
export const LARGEST_FILE = 100 * 1024 * 1024;

export interface Upload {
  readonly key: number;
  readonly with: string;
  readonly name: string;
  readonly length: number;
  readonly done: number;
  readonly problem: Problem | undefined;
}

export type Download =
  | { at: "going"; done: number; total: number }
  | { at: "done"; blob: Blob }
  | { at: "failed"; problem: Problem };

interface Held { file: File; caption: string; cancel: AbortController }

export class Transfers {
  readonly uploads = signal<readonly Upload[]>([]);
  /** By the reference of the attachment. */
  readonly downloads = signal<ReadonlyMap<string, Download>>(new Map());
  readonly #client: Client;
  readonly #held = new Map<number, Held>();
  readonly #cancels = new Map<string, AbortController>();
  #last = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Sends a file; the caption goes with it. */
  async send(to: string, file: File, caption: string): Promise<void> {
    this.#last += 1;
    const key = this.#last;
    this.#held.set(key, { file, caption, cancel: new AbortController() });
    const upload: Upload = { key, with: to, name: file.name, length: file.size, done: 0, problem: undefined };
    this.uploads.value = [...this.uploads.value, upload];
    if (file.size === 0 || file.size > LARGEST_FILE) {
      const text = file.size === 0 ? "This file is empty." : "This file is too large.";
      this.#change(key, { problem: { code: "file-length", text, remedy: "A file has 1 byte to 100 MiB." } });
      return;
    }
    await this.#run(key, to);
  }

  async again(key: number): Promise<void> {
    const held = this.#held.get(key);
    const upload = this.uploads.value.find((it) => it.key === key);
    if (held === undefined || upload?.problem === undefined) return;
    held.cancel = new AbortController();
    this.#change(key, { problem: undefined, done: 0 });
    await this.#run(key, upload.with);
  }

  /** Stops it, or takes away one that failed. */
  drop(key: number): void {
    this.#held.get(key)?.cancel.abort();
    this.#forget(key);
  }

  async fetch(file: Attachment): Promise<Blob | undefined> {
    const { reference } = file;
    const now = this.downloads.value.get(reference);
    if (now?.at === "done") return now.blob;
    if (now?.at === "going") return undefined;
    const cancel = new AbortController();
    this.#cancels.set(reference, cancel);
    this.#set(reference, { at: "going", done: 0, total: file.length });
    try {
      const onProgress = ({ done, total }: { done: number; total: number }) => {
        if (!cancel.signal.aborted) this.#set(reference, { at: "going", done, total });
      };
      const blob = await this.#client.download(file, { signal: cancel.signal, onProgress });
      this.#set(reference, { at: "done", blob });
      return blob;
    } catch (error) {
      this.#set(reference, codeOf(error) === "ABORTED" ? undefined : { at: "failed", problem: explain(error) });
      return undefined;
    } finally {
      this.#cancels.delete(reference);
    }
  }

  stopFetching(reference: string): void {
    this.#cancels.get(reference)?.abort();
    this.#set(reference, undefined);
  }

  async #run(key: number, to: string): Promise<void> {
    const held = this.#held.get(key);
    if (held === undefined) return;
    const { file, caption, cancel } = held;
    try {
      await this.#client.sendFile(to, file, {
        name: file.name,
        ...(file.type === "" ? {} : { mediaType: file.type }),
        ...(caption === "" ? {} : { caption }),
        signal: cancel.signal,
        onProgress: ({ done, total }) => {
          // What is sent is larger than the file: it is padded.
          this.#change(key, { done: total === 0 ? 0 : Math.min(1, done / total) * file.size });
        },
      });
      this.#forget(key);
    } catch (error) {
      if (codeOf(error) === "ABORTED") this.#forget(key);
      else this.#change(key, { problem: explain(error) });
    }
  }

  #change(key: number, change: Partial<Upload>): void {
    this.uploads.value = this.uploads.value.map((it) => (it.key === key ? { ...it, ...change } : it));
  }

  #forget(key: number): void {
    this.#held.delete(key);
    this.uploads.value = this.uploads.value.filter((it) => it.key !== key);
  }

  #set(reference: string, download: Download | undefined): void {
    const downloads = new Map(this.downloads.value);
    if (download === undefined) downloads.delete(reference);
    else downloads.set(reference, download);
    this.downloads.value = downloads;
  }
}
