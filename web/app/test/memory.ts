/**
 * Clients of a world in memory, with no encryption and no network: what the tests of the view-model drive. It is
 * never part of what is built.
 */
import type {
  Attachment, Client, Comparison, Connection, Conversation, Device, Doors, Entry, Events, FoundProfile, LinkOptions, Linking,
  MessageEntry, MessageState, OpenOptions, Peer, Protection, SafetyNumber, Sent, Status, Told, Trust,
} from "../src/model/sprag.js";

type Listener<K extends keyof Events> = (event: Events[K]) => void;

/** An error as the package throws it. */
export class MemoryError extends Error implements Told {
  override readonly name = "SpragError";
  readonly retryable = false;
  readonly retryAfter = undefined;
  readonly docs = "";
  constructor(readonly code: string, message = code, readonly remedy = "do something else") {
    super(message);
  }
}

/** Sixty digits out of two keys, the same whichever comes first. */
function digitsOf(one: string, other: string): string {
  let state = 2_166_136_261;
  let digits = "";
  const seed = [one, other].sort().join("|");
  for (let at = 0; digits.length < 60; at += 1) {
    state = Math.imul(state ^ seed.charCodeAt(at % seed.length) ^ at, 16_777_619) >>> 0;
    digits += String(state % 10);
  }
  return digits;
}

function numberOf(client: MemoryClient, user: string, key: string): SafetyNumber {
  const digits = digitsOf(client.key, key);
  const groups = digits.match(/.{5}/g) ?? [];
  const qrText = `${client.account}-${user}-${digits}`.replace(/\W/g, "_");
  const compare = (theirs: string | Uint8Array): Comparison => {
    const text = typeof theirs === "string" ? theirs : new TextDecoder().decode(theirs);
    const typed = text.replace(/\s/g, "");
    if (typed === digits || typed.endsWith(digits)) return "match";
    if (!/^\d+$/.test(typed)) return "not-a-code";
    if (digits.startsWith(typed)) return "incomplete";
    return "differs";
  };
  return {
    with: user, digits, groups, qrText, qr: new TextEncoder().encode(qrText), compare,
    async verify(theirs) {
      const comparison = compare(theirs);
      if (comparison === "match") await client.setVerified(user);
      return comparison;
    },
  };
}

interface Talk { entries: Entry[]; readBelow: number; active: Date; trust: Trust; key: string; offered: string | undefined }

export class World {
  readonly clients = new Map<string, MemoryClient>();
  time = Date.UTC(2026, 10, 21, 20, 0, 0);

  /** Time goes on. */
  pass(milliseconds: number): void {
    this.time += milliseconds;
  }

  client(account: string): MemoryClient {
    const known = this.clients.get(account);
    if (known !== undefined) return known;
    const client = new MemoryClient(this, account);
    this.clients.set(account, client);
    return client;
  }
}

export class MemoryClient implements Client {
  readonly relay = "http://127.0.0.1:7474";
  connection: Connection = { state: "online" };
  leading = true;
  closed = false;
  key: string;
  readonly world: World;
  readonly account: string;
  readonly talks = new Map<string, Talk>();
  ownDevices: Device[];
  protectedBy: Protection = { passphrase: false, passkeys: 0, persisted: true };
  hasAccountKey = true;
  /** What the last device that was linked was given. */
  linkedWith: LinkOptions | undefined;
  receipts = true;
  /** How files go: by hand, where a test says so. */
  transfer: (progress: (done: number, total: number) => void, signal: AbortSignal | undefined) => Promise<void> = () => Promise.resolve();
  /** What the next call of this name fails with. */
  readonly failing = new Map<string, Error>();
  readonly marked: { user: string; through: number | undefined }[] = [];
  readonly #listeners = new Map<string, Set<(event: never) => void>>();
  #ids = 0;

  constructor(world: World, account: string) {
    this.world = world;
    this.account = account;
    this.key = `key of ${account}`;
    this.ownDevices = [{ id: 1, created: new Date(world.time), this: true }];
  }

  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) (listener as Listener<K>)(value);
  }

  on<K extends keyof Events>(event: K, listener: Listener<K>): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener);
    return () => { listeners.delete(listener); };
  }

  talk(user: string): Talk {
    const known = this.talks.get(user);
    if (known !== undefined) return known;
    const key = this.world.clients.get(user)?.key ?? `key of ${user}`;
    const talk: Talk = { entries: [], readBelow: 0, active: new Date(this.world.time), trust: { state: "first-use" }, key, offered: undefined };
    this.talks.set(user, talk);
    return talk;
  }

  /** Something is said in a conversation. */
  add(user: string, entry: Partial<MessageEntry> & { own: boolean }): MessageEntry {
    const talk = this.talk(user);
    const received = new Date(this.world.time);
    this.#ids += 1;
    const added: MessageEntry = {
      kind: "message", position: (talk.entries.at(-1)?.position ?? -1) + 1, from: entry.own ? this.account : user, device: 1,
      received, written: received, id: `${this.account}-${user}-${String(this.#ids)}`, text: "", file: undefined,
      state: entry.own ? "sent" : undefined, failure: undefined, ...entry,
    };
    talk.entries.push(added);
    talk.active = added.received;
    this.emit("entry", { with: user, entry: added });
    this.emit("conversation", { with: user });
    return added;
  }

  /** A message comes further. */
  walk(user: string, id: string, state: MessageState): void {
    const talk = this.talk(user);
    const failure = state === "failed" ? "no-such-account" : undefined;
    talk.entries = talk.entries.map((entry) => (entry.kind === "message" && entry.id === id ? { ...entry, state, failure } : entry));
    this.emit("state", { with: user, id, state, failure });
  }

  /** The relay offers another key for somebody. */
  offer(user: string, key: string): void {
    const talk = this.talk(user);
    talk.trust = { state: "key-changed", wasVerified: talk.trust.state === "verified" };
    talk.offered = key;
    this.emit("keyChanged", { with: user });
  }

  connect(connection: Connection): void {
    this.connection = connection;
    this.emit("connection", connection);
  }

  async send(to: string, text: string): Promise<Sent> {
    await this.#may("send");
    return this.add(to, { own: true, text, state: this.connection.state === "online" ? "sent" : "queued" });
  }

  async sendFile(to: string, file: Blob | Uint8Array, options: Parameters<Client["sendFile"]>[2] = {}): Promise<Sent> {
    await this.#may("sendFile");
    const length = file instanceof Uint8Array ? file.length : file.size;
    await this.transfer((done, total) => options.onProgress?.({ done, total }), options.signal);
    const attachment: Attachment = { name: options.name ?? "file", mediaType: options.mediaType ?? "application/octet-stream", length, reference: `blob ${String(this.#ids)}` };
    return this.add(to, { own: true, text: options.caption ?? "", file: attachment });
  }

  async download(file: Attachment, options: Parameters<Client["download"]>[1] = {}): Promise<Blob> {
    await this.#may("download");
    await this.transfer((done, total) => options.onProgress?.({ done, total }), options.signal);
    return new Blob([new Uint8Array(file.length)], { type: file.mediaType });
  }

  async retry(to: string, id: string): Promise<Sent> {
    await this.#may("retry");
    this.walk(to, id, "queued");
    const entry = this.talk(to).entries.find((it): it is MessageEntry => it.kind === "message" && it.id === id);
    if (entry === undefined) throw new MemoryError("no-such-message");
    return entry;
  }

  async conversations(): Promise<Conversation[]> {
    await this.#may("conversations");
    const all = [...this.talks.keys()].map((user) => this.#conversation(user));
    return all.sort((one, other) => other.active.getTime() - one.active.getTime());
  }

  async conversation(user: string): Promise<Conversation | undefined> {
    await this.#may("conversation");
    return this.talks.has(user) ? this.#conversation(user) : undefined;
  }

  async messages(user: string, { before, from, limit = 50 }: { before?: number; from?: number; limit?: number } = {}): Promise<Entry[]> {
    await this.#may("messages");
    const entries = this.talks.get(user)?.entries ?? [];
    if (from !== undefined) return entries.filter((entry) => entry.position >= from).slice(0, limit);
    return entries.filter((entry) => before === undefined || entry.position < before).slice(-limit);
  }

  async markRead(user: string, through?: number): Promise<void> {
    await this.#may("markRead");
    this.marked.push({ user, through });
    const talk = this.talk(user);
    const last = talk.entries.at(-1)?.position ?? -1;
    talk.readBelow = Math.max(talk.readBelow, (through ?? last) + 1);
    this.emit("conversation", { with: user });
  }

  async search(words: string, options: Parameters<Client["search"]>[1] = {}): ReturnType<Client["search"]> {
    await this.#may("search");
    const found = [...this.talks].flatMap(([user, { entries }]) =>
      entries.flatMap((entry) =>
        entry.kind === "message" && `${entry.text} ${entry.file?.name ?? ""}`.toLowerCase().includes(words.toLowerCase())
          ? [{ with: user, entry }]
          : [],
      ),
    );
    return found.sort((one, other) => other.entry.received.getTime() - one.entry.received.getTime()).slice(0, options.limit ?? 50);
  }

  async meet(user: string): Promise<Peer> {
    await this.#may("meet");
    if (user === this.account) throw new MemoryError("own-account");
    if (!this.world.clients.has(user)) throw new MemoryError("no-such-account", "nobody has this name");
    this.talk(user);
    return this.#peer(user);
  }

  refresh(user: string): Promise<Peer> {
    return this.meet(user);
  }

  async peer(user: string): Promise<Peer | undefined> {
    await this.#may("peer");
    return this.talks.has(user) ? this.#peer(user) : undefined;
  }

  async safetyNumber(user: string, options: { offered?: boolean } = {}): Promise<SafetyNumber> {
    await this.#may("safetyNumber");
    const talk = this.talk(user);
    if (options.offered === true && talk.offered === undefined) throw new MemoryError("nothing-offered");
    return numberOf(this, user, options.offered === true ? (talk.offered ?? talk.key) : talk.key);
  }

  async setVerified(user: string, verified = true): Promise<void> {
    await this.#may("setVerified");
    this.talk(user).trust = { state: verified ? "verified" : "first-use" };
    this.emit("conversation", { with: user });
  }

  async acceptKey(user: string): Promise<void> {
    await this.#may("acceptKey");
    const talk = this.talk(user);
    if (talk.offered === undefined) throw new MemoryError("nothing-offered");
    talk.key = talk.offered;
    talk.offered = undefined;
    talk.trust = { state: "first-use" };
    const position = (talk.entries.at(-1)?.position ?? -1) + 1;
    const entry: Entry = { kind: "key-changed", position, from: user, device: 1, own: false, received: new Date(this.world.time) };
    talk.entries.push(entry);
    this.emit("entry", { with: user, entry });
    this.emit("conversation", { with: user });
  }

  async status(): Promise<Status> {
    await this.#may("status");
    return {
      account: this.account, device: 1, relay: this.relay, connection: this.connection, ready: true, accountKey: this.hasAccountKey,
      readReceipts: this.receipts, queued: 0, inFlight: 0, caughtUp: true, leading: this.leading, persisted: true,
    };
  }

  async devices(): Promise<Device[]> {
    await this.#may("devices");
    return this.ownDevices;
  }

  async link(code: string, what?: LinkOptions): Promise<number> {
    await this.#may("link");
    if (!code.startsWith("sprag-link:")) throw new MemoryError("not-a-link-code");
    const id = Math.max(...this.ownDevices.map((device) => device.id)) + 1;
    this.ownDevices = [...this.ownDevices, { id, created: new Date(this.world.time), this: false }];
    this.linkedWith = what;
    this.emit("devices", {});
    return id;
  }

  async removeDevice(device: number): Promise<void> {
    await this.#may("removeDevice");
    this.ownDevices = this.ownDevices.filter((it) => it.id !== device);
    this.emit("devices", {});
  }

  async setReadReceipts(tell: boolean): Promise<void> {
    await this.#may("setReadReceipts");
    this.receipts = tell;
    this.emit("settings", { readReceipts: tell });
  }

  async protection(): Promise<Protection> {
    await this.#may("protection");
    return this.protectedBy;
  }

  async setPassphrase(passphrase: string | null): Promise<void> {
    await this.#may("setPassphrase");
    const passkeys = passphrase === null ? 0 : this.protectedBy.passkeys;
    this.protectedBy = { ...this.protectedBy, passphrase: passphrase !== null, passkeys };
  }

  async addPasskey(): Promise<void> {
    await this.#may("addPasskey");
    this.protectedBy = { ...this.protectedBy, passkeys: this.protectedBy.passkeys + 1 };
  }

  async removePasskeys(): Promise<void> {
    await this.#may("removePasskeys");
    this.protectedBy = { ...this.protectedBy, passkeys: 0 };
  }

  async backup(passphrase: string): Promise<Blob> {
    await this.#may("backup");
    return new Blob([`sealed under ${String(passphrase.length)} letters`]);
  }

  reconnect(): void {
    this.connect({ state: "connecting" });
  }

  async close(): Promise<void> {
    await this.#may("close");
    this.closed = true;
    this.emit("closed", {});
  }

  async deleteAccount(): Promise<void> {
    await this.#may("deleteAccount");
    this.world.clients.delete(this.account);
    this.closed = true;
    this.emit("closed", {});
  }

  async #may(call: string): Promise<void> {
    await Promise.resolve();
    const error = this.failing.get(call);
    this.failing.delete(call);
    if (error !== undefined) throw error;
  }

  #conversation(user: string): Conversation {
    const { entries, readBelow, active, trust } = this.talk(user);
    return {
      with: user, entries: entries.length, readBelow, active, trust,
      unread: entries.filter((entry) => entry.kind === "message" && !entry.own && entry.position >= readBelow).length,
      waiting: entries.filter((entry) => entry.kind === "message" && (entry.state === "queued" || entry.state === "sending")).length,
    };
  }

  #peer(user: string): Peer {
    const { key, offered, trust } = this.talk(user);
    return { name: user, key, offered, devices: [1], trust };
  }
}

/** The ways in, to a profile that is there or not. */
export class MemoryDoors implements Doors {
  readonly world: World;
  profile: (FoundProfile & { account: string; secret: string }) | undefined;
  /** What `findProfile` and `open` fail with. */
  trouble: Error | undefined;
  linking: { finish: (client: Client) => void; fail: (error: Error) => void; closed: boolean } | undefined;
  opened: OpenOptions[] = [];

  constructor(world: World) {
    this.world = world;
  }

  async findProfile(): Promise<FoundProfile | undefined> {
    await Promise.resolve();
    if (this.trouble !== undefined) throw this.trouble;
    return this.profile;
  }

  async open(options: OpenOptions = {}): Promise<Client> {
    await Promise.resolve();
    this.opened.push(options);
    if (this.trouble !== undefined) throw this.trouble;
    if (options.mode === "new") {
      const user = options.user ?? "";
      if (this.world.clients.has(user)) throw new MemoryError("name-taken", "this name is taken");
      if (user === "guest" && options.invitation === undefined) throw new MemoryError("invitation-invalid");
      const secret = typeof options.passphrase === "string" ? options.passphrase : "";
      this.profile = { passphrase: secret !== "", passkey: false, persisted: true, account: user, secret };
      return this.world.client(user);
    }
    if (this.profile === undefined) throw new MemoryError("no-profile");
    if (this.profile.passphrase && options.passkey !== true) {
      if (options.passphrase === undefined) throw new MemoryError("PASSPHRASE_NEEDED");
      if (options.passphrase !== this.profile.secret) throw new MemoryError("wrong-key");
    }
    return this.world.client(this.profile.account);
  }

  async forgetProfile(): Promise<void> {
    await Promise.resolve();
    this.profile = undefined;
    this.trouble = undefined;
  }

  async linkNewDevice(options: OpenOptions): Promise<Linking> {
    await Promise.resolve();
    if (options.user === "nobody") throw new MemoryError("no-such-account");
    let finish: (client: Client) => void = () => undefined;
    let fail: (error: Error) => void = () => undefined;
    const linked = new Promise<Client>((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
    const state = { finish, fail, closed: false };
    this.linking = state;
    return {
      code: "sprag-link:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyABAgMEBQYHCAkKCwwNDg8Q",
      linked: () => linked,
      close: () => {
        state.closed = true;
        fail(new MemoryError("closed"));
        return Promise.resolve();
      },
    };
  }

  async restoreBackup(_options: OpenOptions, _backup: Blob | Uint8Array, passphrase: string): Promise<Client> {
    await Promise.resolve();
    if (passphrase !== "right") throw new MemoryError("wrong-key");
    this.profile = { passphrase: false, passkey: false, persisted: true, account: "restored", secret: "" };
    return this.world.client("restored");
  }
}
