/**
 * The WebAssembly module as `crates/wasm` makes it: types only. Every call is synchronous and only notes what it is told; `poll`
 * says what to do. Times are milliseconds since 1970, rows are opaque bytes under ids of 24 bytes.
 */

/** What is thrown, and what tickets and connections fail with: a plain object. */
export interface Fault {
  code: string;
  retryable: boolean;
  retryAfter?: number;
  /** By how many seconds this device's clock is ahead of the relay's. */
  ahead?: number;
}

/** One change of the store; those of a commit are made in their order, all or none. */
export type RowChange =
  | { change: "put"; row: Uint8Array; value: Uint8Array }
  | { change: "remove"; row: Uint8Array }
  | { change: "remove-range"; from: Uint8Array; to: Uint8Array };

/** One question to the store; a range includes both ends. */
export type Read =
  | { read: "row"; row: Uint8Array }
  | { read: "range"; from: Uint8Array; to: Uint8Array; newestFirst: boolean; limit: number };

/** A row that is there. */
export interface Row {
  row: Uint8Array;
  value: Uint8Array;
}

/** What guards the store key. */
export type Lock = { lock: "passphrase"; passphrase: string } | { lock: "key"; key: Uint8Array };

/** The open store key; it never leaves the module. */
export interface Vault {
  relock(lock: Lock): Uint8Array;
  readonly header: Uint8Array;
  free(): void;
}

/** Who, and where. */
export interface Names {
  relay: string;
  account: string;
}

export interface Options {
  invitation?: string;
  offline?: boolean;
}

/** One device of one account: engine and driver. */
export interface Engine {
  poll(now: number): Step;
  committed(): void;
  commitFailed(code: "disk-full" | "store-io"): void;
  loaded(rows: Row[][]): void;
  loadFailed(code: "store-io" | "store-damaged"): void;
  close(): void;
  free(): void;

  answered(request: number, status: number, body: Uint8Array): void;
  socketOpened(socket: number): void;
  socketMessage(socket: number, bytes: Uint8Array): void;
  socketClosed(socket: number): void;
  reconnect(): void;

  send(to: string, text: string, id?: string): number;
  retry(conversation: string, id: string): number;
  markRead(conversation: string, through: number): number;
  meet(account: string): number;
  refresh(account: string): number;
  safetyNumber(account: string): number;
  setVerified(account: string, verified: boolean): number;
  acceptKey(account: string): number;
  setReadReceipts(tell: boolean): number;
  linkDevice(code: string, give: { accountKey: boolean; history: boolean }): number;
  removeDevice(device: number): number;
  deleteAccount(): number;

  history(conversation: string, before: number | undefined, limit: number): number;
  historyFrom(conversation: string, from: number, limit: number): number;
  search(words: string, limit: number): number;
  messageState(conversation: string, id: string): number;
  incoming(cursor: Cursor | undefined): number;

  sendFile(to: string, file: OutgoingFile): number;
  sliced(transfer: number, bytes: Uint8Array): void;
  sliceFailed(transfer: number): void;
  receiveFile(conversation: string, position: number, from: number): number;
  cancel(ticket: number): void;
  backup(passphrase: string): number;

  status(now: number): Status;
  conversations(): Conversation[];
  peer(account: string): Peer | undefined;
  devices(): OwnDevice[];
  linkCode(): string | undefined;
  safetyNumberNow(account: string, offered: boolean): SafetyNumber | undefined;
}

export type Step =
  | { step: "commit"; changes: RowChange[] }
  | { step: "read"; reads: Read[] }
  | { step: "act"; actions: Action[] }
  | { step: "idle"; wakeAt?: number };

/** A call over HTTP. */
export interface HttpRequest {
  action: "request";
  request: number;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  headers: [string, string][];
  body?: Uint8Array;
  timeout: number;
}

/** What to do, in this order; none of it waits. */
export type Action =
  | HttpRequest
  | { action: "connect"; socket: number; url: string; protocols: string[] }
  | { action: "write"; socket: number; bytes: Uint8Array }
  | { action: "hang-up"; socket: number }
  | { action: "answer"; ticket: number; value: unknown }
  | { action: "refuse"; ticket: number; fault: Fault }
  | { action: "happening"; happening: Happening }
  | { action: "slice"; ticket: number; transfer: number; from: number; to: number }
  | { action: "save"; ticket: number; bytes: Uint8Array }
  | { action: "progress"; ticket: number; done: number; total: number }
  | { action: "opened" }
  | { action: "failed"; fault: Fault };

export type Happening =
  | { what: "connection"; connection: Connection }
  | { what: "caught-up" }
  | { what: "entry"; conversation: string; entry: Entry }
  | { what: "state"; conversation: string; id: string; state: MessageState; reason?: FailedReason }
  | { what: "conversation"; conversation: string }
  | { what: "key-changed"; conversation: string }
  | { what: "unreadable"; from: string; device: number }
  | { what: "relay-lies"; account: string; why: "unsigned-list" | "older-list" | "bad-bundle" | "malformed" }
  | { what: "no-such-account"; account: string }
  | { what: "devices-changed" }
  | { what: "linked" }
  | { what: "registered" }
  | { what: "removed" }
  | { what: "started-afresh" }
  | { what: "cloned" }
  | { what: "store-failed"; fault: Fault };

export type Connection =
  | { state: "offline" }
  | { state: "linking" }
  | { state: "connecting" }
  | { state: "online" }
  | { state: "waiting"; fault: Fault; retryAt: number }
  | { state: "ended"; fault: Fault };

export interface Status {
  account: string;
  relay: string;
  device?: number;
  stage: "linking" | "beginning" | "ready" | "removed";
  connection: Connection;
  accountKey: boolean;
  readReceipts: boolean;
  queued: number;
  inFlight: number;
  caughtUp: boolean;
  settled: boolean;
  atRest: boolean;
  prekeys?: { oneTime: number; kem: number };
  useless: boolean;
}

export interface Sent {
  to: string;
  id: string;
  position: number;
}

export type MessageState = "queued" | "sending" | "sent" | "delivered" | "read" | "failed";
/** How far a message has come. */
export interface Progressed {
  state: MessageState;
  reason?: FailedReason;
}

export type FailedReason = "no-such-account" | "not-sent";

export interface Entry {
  position: number;
  from: string;
  device: number;
  own: boolean;
  received: number;
  kind: "text" | "file" | "key-changed";
  id?: string;
  written?: number;
  text?: string;
  file?: FileInfo;
  state?: MessageState;
  reason?: FailedReason;
}

export interface Found {
  conversation: string;
  entry: Entry;
}

export interface FileInfo {
  name: string;
  mediaType: string;
  length: number;
  blob: string;
}

export interface OutgoingFile {
  name: string;
  mediaType: string;
  caption: string;
  length: number;
  modified: number;
  id?: string;
}

/** Opaque: below which position things were given out, by conversation. */
export type Cursor = Record<string, number>;

export type Trust = "unknown" | "first-use" | "verified" | "key-changed";

export interface Conversation {
  conversation: string;
  entries: number;
  unread: number;
  readBelow: number;
  active: number;
  trust: Trust;
  wasVerified: boolean;
  waiting: number;
}

export interface Peer {
  account: string;
  key: string;
  offeredKey?: string;
  devices: number[];
  trust: Trust;
  wasVerified: boolean;
}

export interface OwnDevice {
  device: number;
  created: number;
  thisOne: boolean;
}

export interface SafetyNumber {
  digits: string;
  groups: string[];
  qr: Uint8Array;
}

/** A backup on its way into empty rows. */
export interface Restore {
  next(): RowChange[] | undefined;
  free(): void;
}

/** A device, for the ratchet alone. */
export interface Identity {
  export(): Uint8Array;
  readonly card: Uint8Array;
  readonly account: string;
  bundle(now: number): Uint8Array;
  oneTimeBundles(now: number): Uint8Array[];
  rotate(now: number): boolean;
  free(): void;
}

/** All sessions with one other device, for the ratchet alone. */
export interface Session {
  export(): Uint8Array;
  readonly peer: Uint8Array;
  encrypt(plaintext: Uint8Array, now: number): Uint8Array;
  decrypt(us: Identity, message: Uint8Array, now: number): { plaintext: Uint8Array; started: boolean };
  free(): void;
}

/** What the module of the protocol alone exports. */
export interface CoreGlue {
  initSync(input: { module: WebAssembly.Module }): unknown;
  Identity: { generate(account: string, now: number): Identity; import(state: Uint8Array): Identity };
  Session: {
    initiate(us: Identity, bundle: Uint8Array, now: number): Session;
    accept(card: Uint8Array): Session;
    import(state: Uint8Array): Session;
  };
  safetyNumberOf(ours: Uint8Array, theirs: Uint8Array): SafetyNumber;
  version(): string;
}

/** What the module of the client exports. */
export interface Glue {
  initSync(input: { module: WebAssembly.Module }): unknown;
  Vault: {
    create(lock: Lock): Vault;
    open(header: Uint8Array, lock: Lock): Vault;
    lockOf(header: Uint8Array): "passphrase" | "key-file" | "key";
  };
  Client: {
    register(vault: Vault, names: Names, options: Options, now: number): Engine;
    link(vault: Vault, names: Names, options: Options, now: number): Engine;
    open(vault: Vault, names: Names | undefined, options: Options): Engine;
  };
  Restore: { begin(vault: Vault, backup: Uint8Array, passphrase: string): Restore };
  checkName(account: string): void;
  checkOrigin(relay: string): void;
  checkLinkCode(code: string): void;
}
