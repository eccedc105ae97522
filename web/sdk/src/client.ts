/** A device of an account, at work: what programs hold in their hands. */

import type { Crew } from "./crew.js";
import { drawId } from "./crew.js";
import { Emitter, Queue } from "./emitter.js";
import type { Status as RawStatus, Vault } from "./engine.js";
import { ofFault, SpragError } from "./error.js";
import type * as face from "./face.js";
import type { RowStore } from "./rows.js";
import { numberOf, type Comparison, type Number60 } from "./safety.js";
import { Sent, type SentParts } from "./sent.js";
import type { Published } from "./service.js";
import { connectionOf, conversationOf, deviceOf, entryOf, foundOf, messageOf, peerOf, placeOf } from "./shape.js";
import { addPasskey, removePasskeys, setPassphrase } from "./vault.js";
import { WITHIN } from "./waiting.js";

const PAGE = 50;
const FOUND = 100;

/** What a client is made of. @internal */
export interface ClientParts {
  crew: Crew;
  status: RawStatus;
  /** What opens the profile; it is this tab's own. */
  vault: () => { vault: Vault; rows: RowStore };
  /** Deletes the profile here; no engine uses it any more. */
  forget: () => Promise<void>;
  /** Lets go of what this tab has open. */
  release: () => Promise<void>;
}

/** The safety number with an account. */
export interface SafetyNumber extends Number60 {
  /** The other account. */
  readonly with: string;
  /** Compares, and where it matches marks the account as verified. */
  verify(theirs: string | Uint8Array): Promise<Comparison>;
}

/** A device of an account, at work. */
export class Client implements AsyncIterable<face.Message> {
  /** The account. */
  readonly account: string;
  /** The relay's address. */
  readonly relay: string;
  readonly #parts: ClientParts;
  readonly #emitter = new Emitter<face.Events>();
  readonly #sent = new Map<string, Set<WeakRef<Sent>>>();
  readonly #held = new Set<Sent>();
  #connection: face.Connection;
  #why: SpragError | undefined;

  /** @internal */
  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.account = parts.status.account;
    this.relay = parts.status.relay;
    this.#connection = connectionOf(parts.status.connection);
  }

  /** What is between this client and its relay. */
  get connection(): face.Connection {
    return this.#connection;
  }

  /** Whether this tab leads: has the engine and the connection. In Node always. */
  get leading(): boolean {
    return this.#parts.crew.leading;
  }

  /** Whether it was closed, or has ended. */
  get closed(): boolean {
    return this.#why !== undefined;
  }

  /** How this client is. */
  async status(): Promise<face.Status> {
    const raw = await this.#crew.call("status", []);
    const { account, device, relay, stage, accountKey, readReceipts, queued, inFlight, caughtUp } = raw;
    const persisted = await this.#parts.vault().rows.persisted();
    const connection = connectionOf(raw.connection);
    return { account, device, relay, connection, ready: stage === "ready", accountKey, readReceipts, queued, inFlight, caughtUp, leading: this.leading, persisted };
  }

  get #crew(): Crew {
    return this.#parts.crew;
  }

  // ---------------------------------------------------------------- writing

  /** Writes a text (1 to 60,000 bytes). When this resolves, it is kept durably and will be sent. */
  async send(to: string, text: string): Promise<Sent> {
    const id = drawId();
    return this.#handle(await this.#crew.call("send", [to, text, id], {}, id));
  }

  /** Sends a file (1 byte to 100 MiB): encrypts it, uploads it in parts, writes a message with its key. */
  async sendFile(to: string, file: Blob | Uint8Array, options: face.SendFileOptions = {}): Promise<Sent> {
    const blob = file instanceof Blob ? file : new Blob([file as Uint8Array<ArrayBuffer>]);
    const named = isFile(blob) ? blob : undefined;
    const id = drawId();
    const what = {
      name: options.name ?? named?.name ?? "",
      mediaType: options.mediaType ?? blob.type,
      caption: options.caption ?? "",
      length: blob.size,
      modified: named?.lastModified ?? 0,
      id,
    };
    return this.#handle(await this.#crew.call("sendFile", [to, blob, what], extras(options), id));
  }

  /** Fetches, checks and decrypts a file. */
  async download(file: face.Attachment, options: face.TransferOptions = {}): Promise<Blob> {
    const { conversation, position } = placeOf(file);
    return await this.#crew.call("download", [conversation, position, safeType(file.mediaType)], extras(options));
  }

  /** Tries a message again that failed, with the same id. */
  async retry(to: string, id: string): Promise<Sent> {
    return this.#handle(await this.#crew.call("retry", [to, id]));
  }

  /** A handle to a message that was sent earlier. */
  async sent(to: string, id: string): Promise<Sent> {
    const { state, reason } = await this.#crew.call("state", [to, id]);
    return this.#track(new Sent(this, { id, to, position: undefined, state, failure: reason }));
  }

  #handle({ id, to, position }: Omit<SentParts, "state" | "failure">): Sent {
    return this.#track(new Sent(this, { id, to, position, state: "queued", failure: undefined }));
  }

  #track(sent: Sent): Sent {
    const known = this.#sent.get(sent.id) ?? new Set();
    known.add(new WeakRef(sent));
    this.#sent.set(sent.id, known);
    // What happened between the answer and now was told to nobody.
    void this.#refreshSent(sent);
    return sent;
  }

  async #refreshSent(sent: Sent): Promise<void> {
    try {
      const { state, reason } = await this.#crew.call("state", [sent.to, sent.id]);
      sent.heard(state, reason);
    } catch {
      // What comes next says it.
    }
  }

  /** Somebody listens: the handle stays. @internal */
  hold(sent: Sent): () => void {
    this.#held.add(sent);
    return () => {
      this.#held.delete(sent);
    };
  }

  // ---------------------------------------------------------------- looking back

  /** The conversations, the one in which something happened last first. */
  async conversations(): Promise<face.Conversation[]> {
    return (await this.#crew.call("conversations", [])).map(conversationOf);
  }

  /** One of them. */
  async conversation(user: string): Promise<face.Conversation | undefined> {
    return (await this.conversations()).find((talk) => talk.with === user);
  }

  /** Entries of a conversation, oldest first. */
  async messages(user: string, page: face.Page = {}): Promise<face.Entry[]> {
    const { before, from, limit = PAGE } = page;
    const found =
      from === undefined
        ? await this.#crew.call("history", [user, before, limit])
        : await this.#crew.call("historyFrom", [user, from, limit]);
    return found.map((entry) => entryOf(user, entry));
  }

  /** The newest entries with these words in text, caption or file name, whatever the case. */
  async search(words: string, options: { with?: string | undefined; limit?: number | undefined; signal?: AbortSignal | undefined } = {}): Promise<face.Found[]> {
    const { limit = FOUND } = options;
    // The engine looks in all conversations at once.
    const wanted = options.with === undefined ? limit : Math.max(limit, 1000);
    const found = await this.#crew.call("search", [words, wanted], extras(options));
    const entries = found.flatMap((raw) => foundOf(raw) ?? []);
    return entries.filter((hit) => options.with === undefined || hit.with === options.with).slice(0, limit);
  }

  /** Everything up to this position is read; where it is left out, all there is. */
  async markRead(user: string, through?: number): Promise<void> {
    await this.#crew.call("markRead", [user, through]);
  }

  // ---------------------------------------------------------------- who somebody is

  /** Gets to know an account without writing to it. */
  async meet(user: string): Promise<face.Peer> {
    return peerOf(await this.#crew.call("meet", [user]));
  }

  /** Looks again at what the relay says of an account. */
  async refresh(user: string): Promise<face.Peer> {
    return peerOf(await this.#crew.call("refresh", [user]));
  }

  /** An account as it is known here. */
  async peer(user: string): Promise<face.Peer | undefined> {
    const peer = await this.#crew.call("peer", [user]);
    return peer === undefined ? undefined : peerOf(peer);
  }

  /** The safety number: what both see must be the same. `offered`: under the new key that the relay offers. */
  async safetyNumber(user: string, options: { offered?: boolean | undefined } = {}): Promise<SafetyNumber> {
    const offered = options.offered === true;
    const raw = offered ? await this.#crew.call("offeredNumber", [user]) : await this.#crew.call("safetyNumber", [user]);
    if (raw === undefined) throw new SpragError("nothing-offered");
    const number = numberOf(raw);
    const verify = async (theirs: string | Uint8Array): Promise<Comparison> => {
      const outcome = number.compare(theirs);
      if (outcome === "match") {
        if (offered) await this.acceptKey(user);
        await this.setVerified(user);
      }
      return outcome;
    };
    return { ...number, with: user, verify };
  }

  /** A person has compared the safety number and it is the same; or takes that back. */
  async setVerified(user: string, verified = true): Promise<void> {
    await this.#crew.call("setVerified", [user, verified]);
  }

  /** A person accepts the new account key: what waits is sent. */
  async acceptKey(user: string): Promise<void> {
    await this.#crew.call("acceptKey", [user]);
  }

  // ---------------------------------------------------------------- one's own devices, settings

  /** The devices of the own account. */
  async devices(): Promise<face.Device[]> {
    return (await this.#crew.call("devices", [])).map(deviceOf);
  }

  /** Signs a new device, which shows this code, into the account. Gives its number. */
  async link(code: string, what: face.LinkOptions = {}): Promise<number> {
    const give = { accountKey: what.accountKey === true, history: what.history === true };
    return (await this.#crew.call("linkDevice", [code, give])).device;
  }

  /** Takes a device out of the account. */
  async removeDevice(device: number): Promise<void> {
    await this.#crew.call("removeDevice", [device]);
  }

  /** Whether others are told what was read. */
  async setReadReceipts(tell: boolean): Promise<void> {
    await this.#crew.call("setReadReceipts", [tell]);
  }

  /** What opens this profile. */
  async protection(): Promise<face.Protection> {
    const { rows } = this.#parts.vault();
    const slots = (await rows.guard())?.slots ?? [];
    const passkeys = slots.filter((slot) => slot.kind === "passkey").length;
    return { passphrase: slots.some((slot) => slot.kind === "passphrase"), passkeys, persisted: await rows.persisted() };
  }

  /** Sets or replaces the passphrase; `null` takes it away, with the passkeys. */
  async setPassphrase(passphrase: string | null): Promise<void> {
    const { rows, vault } = this.#parts.vault();
    await setPassphrase(rows, vault, passphrase);
  }

  /** Adds a passkey beside the passphrase; there must be one. Needs a click just before. */
  async addPasskey(): Promise<void> {
    const { rows, vault } = this.#parts.vault();
    await addPasskey(rows, vault, this.account);
  }

  /** Takes all passkeys away. */
  async removePasskeys(): Promise<void> {
    await removePasskeys(this.#parts.vault().rows);
  }

  /** Everything in one file, under a passphrase of its own. */
  async backup(passphrase: string, options: { signal?: AbortSignal | undefined } = {}): Promise<Blob> {
    return await this.#crew.call("backup", [passphrase], extras(options));
  }

  // ---------------------------------------------------------------- the connection

  /** Waits until there is a connection, or the attempt under way has failed. */
  async online(options: face.Waiting = {}): Promise<void> {
    await this.#crew.call("online", [options.within ?? WITHIN], extras(options));
  }

  /** Waits until nothing that was written is still to be sent, but for what waits for a person. */
  async settled(options: face.Waiting = {}): Promise<void> {
    await this.#crew.call("settled", [options.within ?? WITHIN], extras(options));
  }

  /** Waits until everything that waited at the relay has been received. */
  async caughtUp(options: face.Waiting = {}): Promise<void> {
    await this.#crew.call("caughtUp", [options.within ?? WITHIN], extras(options));
  }

  /** Connects now, where the next attempt would come later or not at all. */
  reconnect(): void {
    void this.#crew.call("reconnect", []).catch(ignore);
  }

  // ---------------------------------------------------------------- what happens

  /** Listens; what it gives ends that. */
  on<K extends keyof face.Events>(event: K, listener: (event: face.Events[K]) => void): () => void {
    return this.#emitter.on(event, listener);
  }

  /** Listens once. */
  once<K extends keyof face.Events>(event: K, listener: (event: face.Events[K]) => void): () => void {
    return this.#emitter.once(event, listener);
  }

  /** Does not listen any more. */
  off<K extends keyof face.Events>(event: K, listener: (event: face.Events[K]) => void): void {
    this.#emitter.off(event, listener);
  }

  /** Everything of these kinds from now on. */
  events<K extends keyof face.Events>(...kinds: K[]): AsyncIterableIterator<{ [P in K]: { type: P; event: face.Events[P] } }[K]> {
    type Told = { [P in K]: { type: P; event: face.Events[P] } }[K];
    const queue = new Queue<Told>(() => {
      for (const end of ends) end();
    });
    const ends = kinds.map((type) =>
      this.on(type, (event) => {
        queue.push({ type, event });
      }),
    );
    ends.push(
      this.once("closed", () => {
        queue.finish();
      }),
    );
    if (this.closed) queue.finish();
    return queue;
  }

  /**
   * Messages from others: what was unread at first, then what arrives, each once, in order within a conversation. Mark what you
   * have dealt with as read; after a restart, what was not marked comes again. It ends when the client is closed.
   */
  async *[Symbol.asyncIterator](): AsyncIterableIterator<face.Message> {
    let cursor: Record<string, number> | undefined;
    const changes = this.events("entry", "conversation", "refresh", "connection", "closed");
    try {
      for (;;) {
        if (this.closed) return;
        const found = await this.#crew.call("incoming", [cursor]);
        cursor = found.cursor;
        const messages = found.messages.flatMap((raw) => messageOf(entryOf(raw.conversation, raw.entry)) ?? []);
        yield* messages;
        if (messages.length > 0) continue;
        if (this.#connection.state === "ended") throw this.#connection.why;
        if (this.#connection.state === "offline") return;
        if ((await changes.next()).done === true) return;
      }
    } catch (error) {
      // Closed meanwhile: that is the end, and no failure.
      if (!(this.#why?.code === "closed")) throw error;
    } finally {
      await changes.return?.();
    }
  }

  // ---------------------------------------------------------------- the end

  /** Closes this tab's handle; with the last tab, the connection. What was written is sent after the next `open`. */
  async close(): Promise<void> {
    await this.#crew.leave();
    await this.#parts.release();
  }

  /** Deletes the account at the relay, then the profile here. */
  async deleteAccount(): Promise<void> {
    await this.#crew.call("deleteAccount", []);
    await this.#crew.leave(new SpragError("closed"));
    await this.#parts.release();
    await this.#parts.forget();
  }

  // ---------------------------------------------------------------- what the crew tells

  /** @internal */
  heard(happening: Published): void {
    switch (happening.what) {
      case "connection":
        this.#connection = connectionOf(happening.connection);
        this.#emitter.emit("connection", this.#connection);
        break;
      case "entry": {
        const entry = entryOf(happening.conversation, happening.entry);
        this.#emitter.emit("entry", { with: happening.conversation, entry });
        const message = messageOf(entry);
        if (message !== undefined) this.#emitter.emit("message", message);
        break;
      }
      case "state": {
        const { conversation, id, state, reason } = happening;
        this.#heardState(id, state, reason);
        this.#emitter.emit("state", { with: conversation, id, state, failure: reason });
        break;
      }
      case "conversation":
        this.#emitter.emit("conversation", { with: happening.conversation });
        break;
      case "key-changed":
        this.#emitter.emit("keyChanged", { with: happening.conversation });
        break;
      case "unreadable":
        this.#emitter.emit("unreadable", { from: happening.from, device: happening.device });
        break;
      case "relay-lies":
        this.#emitter.emit("relayLies", { account: happening.account, why: happening.why });
        break;
      case "no-such-account":
        this.#emitter.emit("noSuchAccount", { account: happening.account });
        break;
      case "store-failed":
        this.#emitter.emit("storeFailed", ofFault(happening.fault));
        break;
      case "settings":
        this.#emitter.emit("settings", { readReceipts: happening.readReceipts });
        break;
      case "registered":
        break;
      case "caught-up":
        this.#emitter.emit("caughtUp", {});
        break;
      case "devices-changed":
        this.#emitter.emit("devices", {});
        break;
      case "linked":
      case "removed":
      case "cloned":
        this.#emitter.emit(happening.what, {});
        break;
      case "started-afresh":
        this.#emitter.emit("startedAfresh", {});
        break;
    }
  }

  #heardState(id: string, state: face.MessageState, failure: face.Failure | undefined): void {
    const known = this.#sent.get(id);
    if (known === undefined) return;
    for (const reference of known) {
      const sent = reference.deref();
      if (sent === undefined) known.delete(reference);
      else sent.heard(state, failure);
    }
    if (known.size === 0 || state === "read") this.#sent.delete(id);
  }

  /** Somebody else leads now, or this tab. @internal */
  changed(): void {
    void this.#catchUp();
  }

  async #catchUp(): Promise<void> {
    for (const sent of this.#held) void this.#refreshSent(sent);
    this.#emitter.emit("refresh", { leading: this.leading });
    try {
      const connection = connectionOf((await this.#crew.call("status", [])).connection);
      if (connection.state === this.#connection.state) return;
      this.#connection = connection;
      this.#emitter.emit("connection", connection);
    } catch {
      // It has ended, and is told so.
    }
  }

  /** It is over. @internal */
  ended(why: SpragError): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    this.#connection = { state: "ended", why };
    this.#emitter.emit("connection", this.#connection);
    this.#emitter.emit("closed", {});
  }
}

/** Whether it is a file, with a name; not every surrounding knows that class. */
function isFile(blob: Blob): blob is File {
  return "name" in blob && typeof blob.name === "string";
}

/** Only what an engine's host needs of the options. */
function extras({ onProgress, signal }: face.TransferOptions): { onProgress?: (progress: face.Progress) => void; signal?: AbortSignal } {
  return { ...(onProgress === undefined ? {} : { onProgress }), ...(signal === undefined ? {} : { signal }) };
}

/** The sender's word for what it is, where it harms nobody who shows it: no page, no script, no drawing with scripts. */
function safeType(mediaType: string): string {
  return /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/[\w.+-]+|video\/[\w.+-]+|text\/plain|application\/pdf)$/u.test(mediaType)
    ? mediaType
    : "application/octet-stream";
}

function ignore(): void {
  // What it would say is told by events.
}
