// The face of the wasm module of `crates/wasm` (package sprag-wasm), for whoever writes web/sdk.
//
// ============================================================================================================
// 0. The idea
//
// Rust decides everything; JavaScript has hands: it reads and writes rows, makes HTTP calls, holds one WebSocket, sets
// one timer, hands over slices of files. A `Client` is engine + driver. You tell it what happened (any method below; all
// are synchronous and only *note* it) and then run the pump, which asks `poll(now)` what to do:
//
//     async function pump() {                       // one at a time; call it after every event and from the timer
//       if (running) { again = true; return; }
//       running = true;
//       try {
//         for (;;) {
//           again = false;
//           const step = client.poll(Date.now());
//           if (step.step === "commit") {           // ONE durable transaction; only then go on
//             try { await rows.commit(step.changes); client.committed(); }
//             catch (e) { client.commitFailed(isQuota(e) ? "disk-full" : "store-io"); }
//           } else if (step.step === "read") {      // one read-only transaction
//             try { client.loaded(await rows.read(step.reads)); }
//             catch (e) { client.loadFailed("store-io"); }
//           } else if (step.step === "act") {
//             for (const action of step.actions) act(action);      // none of them waits
//           } else {                                // "idle": nothing to do until something happens, or until wakeAt
//             setTimer(step.wakeAt);                // ms since 1970, or undefined; clear the old one
//             if (!again) return;
//           }
//         }
//       } finally { running = false; }
//     }
//
// Between a "commit" or "read" step and its answer, other events may be told at any time: they wait in Rust, and those
// that came while a commit was under way share the next commit. `poll` while an answer is outstanding gives "idle".
// Nothing of what a commit entails is given out before `committed` was called: commit before send, by construction.
//
// All times are milliseconds since 1970 (`Date.now()`); Rust works with whole seconds. Ids of messages are 32 hex
// digits. Blobs and keys are shown as base64url without padding. Nothing that JS gets has keys in it except where said.
//
// Every method may throw a `Fault` (a plain object, not an Error: wrap it), and nothing panics on any input. Should the
// module trap all the same (out of memory), every later call throws a WebAssembly.RuntimeError: make a new instance.
// After `free()` or once consumed (said below) a handle throws.

/** What is thrown, and what tickets and connections fail with. */
export interface Fault {
  code: FaultCode;
  /** The same may work later, without anything being changed. */
  retryable: boolean;
  /** Seconds that the relay asks to be left alone for. */
  retryAfter?: number;
  /** With `clock-skew`: by how many seconds this device is ahead of the relay; below 0 where it is behind. */
  ahead?: number;
}

/** The closed set, shared with Rust's SDK and the command line. Those with (js) are never made here; the SDK uses them. */
export type FaultCode =
  // the store
  | "in-use" | "disk-full" | "store-io" | "store-damaged" | "store-foreign" | "store-newer" | "wrong-key" | "other-lock"
  | "no-profile" | "profile-exists" | "too-large" | "too-costly" | "key-exposed" | "profile-damaged"
  | "other-account" | "other-relay" | "registered"
  // arguments
  | "bad-name" | "bad-origin" | "bad-certificate" | "not-a-code" | "no-such-message" | "bad-argument"
  // refused by the engine; nothing has changed
  | "text-length" | "own-account" | "unknown-account" | "no-such-account" | "key-changed" | "nothing-offered"
  | "no-account-key" | "too-many-devices" | "already-linked" | "no-such-device" | "not-ready" | "unreachable" | "relay-lies"
  | "not-sent"
  // network and relay; the relay's own codes are passed on as they are (docs/API.md)
  | "insecure" | "not-a-relay" | "name-taken" | "clock-skew" | "account-gone" | "removed" | "taken-over" | "offline" | "timeout"
  | "closed" | RelayCode
  // files
  | "file" | "file-exists" | "file-length" | "file-changed" | "file-gone" | "file-damaged"
  // the ratchet alone (section 6)
  | "malformed" | "unreadable" | "duplicate" | "too-far-ahead" | "unknown-prekey" | "too-many-last-resort" | "no-session"
  | "unanswered" | "session-ended" | "bad-bundle" | "other-device" | "ids-used-up" | "state-newer" | "state-damaged"
  | "system";
export type RelayCode =
  | "malformed" | "bad-signature" | "unauthenticated" | "forbidden" | "registration-closed" | "invitation-invalid" | "other-origin"
  | "not-found" | "method-not-allowed" | "version-conflict" | "devices-differ" | "number-too-old" | "offset-conflict"
  | "unsupported-media-type" | "range-not-satisfiable" | "mailbox-full" | "quota-exceeded" | "rate-limited"
  | "too-many-connections" | "internal" | "unavailable" | "shutting-down";

// ============================================================================================================
// 1. Rows: what IndexedDB (or a file, or a Map) keeps. Opaque bytes under opaque ids; exactly docs/STORE.md.

/** 24 bytes: collection id (16) || position (8, big-endian). As IndexedDB keys (binary) they sort as they must. */
export type RowId = Uint8Array;

/** One change; those of a commit are made in their order, all or none. */
export type RowChange =
  | { change: "put"; row: RowId; value: Uint8Array }
  | { change: "remove"; row: RowId }
  | { change: "remove-range"; from: RowId; to: RowId };       // both ends included

/** One question to the store. */
export type Read =
  | { read: "row"; row: RowId }
  | { read: "range"; from: RowId; to: RowId; newestFirst: boolean; limit: number };   // ends included; limit >= 1
/** The answer: for "row" the one row or none; for "range" the rows in the order asked for. */
export type Rows = { row: RowId; value: Uint8Array }[];

// ============================================================================================================
// 2. The store's key

/** What guards the store key. "key" is 32 bytes that you keep: unwrapped by WebCrypto, or a passkey's PRF output. */
export type Lock = { lock: "passphrase"; passphrase: string } | { lock: "key"; key: Uint8Array };

/**
 * The open store key; it never leaves Rust. The header (106 bytes, docs/STORE.md) is what you keep beside the rows; it
 * opens with the lock only. Keep it with the first commit of a new profile (same transaction), after clearing all rows.
 *
 * A passphrase costs 64 MiB of WebAssembly memory and 0.5 to 2 s (Argon2id), and memory never shrinks: do it in a worker
 * with a throwaway instance of the module. There: `v = Vault.open(header, passphrase lock); h = v.relock({lock: "key", key})`
 * with 32 random bytes `key`; post `h`, then here `Vault.open(h, {lock: "key", key})` has the same store key, and h is not
 * kept. A new passphrase likewise: in the worker `Vault.open(h, key lock).relock(passphrase lock)` gives the header to keep.
 */
export class Vault {
  private constructor();
  /** A new store key. Faults: too-costly, bad-argument. */
  static create(lock: Lock): Vault;
  /** Faults: wrong-key, other-lock, store-damaged, store-foreign, store-newer, too-costly, bad-argument. */
  static open(header: Uint8Array, lock: Lock): Vault;
  /** How a header is locked, without opening it. Faults as above. */
  static lockOf(header: Uint8Array): "passphrase" | "key-file" | "key";
  /** A new header around the same key; keep it in place of the old one. */
  relock(lock: Lock): Uint8Array;
  readonly header: Uint8Array;
  free(): void;
}

// ============================================================================================================
// 3. The client

/** Who, and where. `relay` is an origin (`https://chat.example.org`, a trailing slash is passed over). */
export interface Names { relay: string; account: string }
export interface Options {
  /** The code that a relay wants where not everybody can register. */
  invitation?: string;
  /** Never connects. */
  offline?: boolean;
}

/** One device of one account. */
export class Client {
  private constructor();

  // ---- making one. The vault stays yours. Then run the pump.
  /** A new account: keys are made now, the first "commit" keeps them, then it registers. Rows must be empty.
   *  Faults: bad-name, bad-origin. */
  static register(vault: Vault, names: Names, options: Options, now: number): Client;
  /** A new device of an account that exists; show `linkCode()`. Rows must be empty. Faults: bad-name, bad-origin. */
  static link(vault: Vault, names: Names, options: Options, now: number): Client;
  /** What the rows hold: the first step is a "read". With `names` they must be those of the profile. The outcome is the
   *  action "opened" or "failed" (store-damaged, profile-damaged, store-newer, no-profile, other-account, other-relay). Until
   *  "opened", every method but poll, loaded, loadFailed and close throws not-ready. `register` and `link` give "opened" too. */
  static open(vault: Vault, names: Names | undefined, options: Options): Client;

  // ---- the pump (section 0)
  poll(now: number): Step;
  committed(): void;
  /** Nothing was changed. The client reads its rows again; nothing is lost but what was never answered. */
  commitFailed(code: "disk-full" | "store-io"): void;
  /** One Rows for each of the step's reads, in their order. */
  loaded(rows: Rows[]): void;
  loadFailed(code: "store-io" | "store-damaged"): void;
  /** For the tab that hands over: ends the connection and every ticket ("closed"). Act on the steps until "idle", then free(). */
  close(): void;
  free(): void;

  // ---- what happened outside
  /** The answer to the action "request". `status` 0: no answer came (network error, aborted, timed out). */
  answered(request: number, status: number, body: Uint8Array): void;
  /** Of the socket of the last action "connect"; those of earlier ones are passed over. */
  socketOpened(socket: number): void;
  socketMessage(socket: number, bytes: Uint8Array): void;
  /** It closed, or never opened. */
  socketClosed(socket: number): void;
  /** A person wishes, or the browser says ("online", visible again): connect now, not later. */
  reconnect(): void;

  // ---- what a person wants. Each gives a ticket; the action "answer" has it later, once, with a value or a fault.
  // (value types are named after ->)
  /** -> Sent, once it is kept durably. text: 1 to 60,000 bytes of UTF-8. `id`: 32 hex digits that you drew at random. Where
   *  one of the newest 256 messages of the conversation is an own one of this id, nothing is said, and that one is answered. */
  send(to: string, text: string, id?: string): number;
  /** Tries a failed message again, with the same id. -> Sent */
  retry(conversation: string, id: string): number;
  /** Everything up to this position is read. -> undefined */
  markRead(conversation: string, through: number): number;
  /** Gets to know an account without writing to it; waits for the connection (30 s). -> Peer */
  meet(account: string): number;
  /** Asks the relay anew about an account. -> Peer */
  refresh(account: string): number;
  /** Meets first where needed. -> SafetyNumber */
  safetyNumber(account: string): number;
  /** The key that is marked is the known one (not the offered one). -> undefined */
  setVerified(account: string, verified: boolean): number;
  /** Accepts the key that the relay offers; what waits is sent. -> undefined */
  acceptKey(account: string): number;
  /** -> undefined */
  setReadReceipts(tell: boolean): number;
  /** Signs a new device in that shows this code. Contacts it always gets. -> { device: number } Faults: not-a-code, ... */
  linkDevice(code: string, give: { accountKey: boolean; history: boolean }): number;
  /** -> undefined */
  removeDevice(device: number): number;

  // ---- looking back
  /** The last `limit` entries below the position `before` (undefined: the newest), oldest first. -> Entry[] */
  history(conversation: string, before: number | undefined, limit: number): number;
  /** The first `limit` entries from the position `from` on. -> Entry[] */
  historyFrom(conversation: string, from: number, limit: number): number;
  /** The newest `limit` that have these words. -> Found[] */
  search(words: string, limit: number): number;
  /** -> { state: MessageState; reason?: FailedReason } */
  messageState(conversation: string, id: string): number;
  /** For async iteration: what arrived beyond a cursor, some of it where it is much, by arrival. Cursor undefined: what is
   *  unread. -> { cursor: Cursor; messages: Found[] } Ask again when an "entry" or "conversation" happening came. */
  incoming(cursor: Cursor | undefined): number;

  // ---- files. Tickets too; cancel(ticket) ends them with "closed".
  /** Encrypts and uploads, then sends a message. `length` 1 byte to 100 MiB. The action "slice" asks for bytes. An upload
   *  that was cut off goes on when the same file (name, length, modified) is sent to the same account again. -> Sent */
  sendFile(to: string, file: OutgoingFile): number;
  /** The answer to the action "slice". Faults later, at the ticket: file-changed where the length differs. */
  sliced(transfer: number, bytes: Uint8Array): void;
  /** The slice cannot be read any more: the ticket fails with "file-changed". */
  sliceFailed(transfer: number): void;
  /** Fetches and opens the file of an entry: actions "save" have its bytes in order, each authenticated. To go on after a
   *  restart give the number of bytes that you have kept (a multiple of 65,536), else 0. -> FileInfo */
  receiveFile(conversation: string, position: number, from: number): number;
  cancel(ticket: number): void;
  /** Takes the account from the relay for good; the connection then ends with "account-gone". What is kept here is yours to
   *  delete. -> undefined */
  deleteAccount(): number;
  /** A backup of everything under a passphrase (64 MiB and a second or two of Argon2id, here): actions "save". -> undefined */
  backup(passphrase: string): number;

  // ---- as it is now, at once, from memory
  status(now: number): Status;
  conversations(): Conversation[];
  peer(account: string): Peer | undefined;
  devices(): OwnDevice[];
  /** While a new device waits: `sprag-link:...`, to be shown as text or QR to the other own device and nobody else. */
  linkCode(): string | undefined;
  /** Of an account that is known; `offered`: under the new key that the relay offers. About 10 ms. */
  safetyNumberNow(account: string, offered: boolean): SafetyNumber | undefined;
  /** What a scanned QR payload says (66 bytes). Changes nothing. Faults: not-a-code, unknown-account. */
  compare(account: string, scanned: Uint8Array): Comparison;
}

export type Step =
  | { step: "commit"; changes: RowChange[] }
  | { step: "read"; reads: Read[] }
  | { step: "act"; actions: Action[] }
  | { step: "idle"; wakeAt?: number };

/** What to do, none of it waits; in this order. */
export type Action =
  /** fetch(relay + path, { method, headers, body, credentials: "omit", cache: "no-store", redirect: "error" }), aborted after
   *  `timeout` ms; then `answered`. Up to 8 are under way, Rust sees to it. Answers are at most ~1.1 MB: read no further. */
  | { action: "request"; request: number; method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE"; path: string; headers: [string, string][];
      body?: Uint8Array; timeout: number }
  /** new WebSocket(url, protocols), binaryType "arraybuffer"; then socketOpened, socketMessage.., socketClosed. */
  | { action: "connect"; socket: number; url: string; protocols: string[] }
  | { action: "write"; socket: number; bytes: Uint8Array }
  | { action: "hang-up"; socket: number }                      // close(1000); its socketClosed is passed over
  /** The answer to a ticket. */
  | { action: "answer"; ticket: number; value: unknown }
  | { action: "refuse"; ticket: number; fault: Fault }
  | { action: "happening"; happening: Happening }
  /** Bytes of the file of `sendFile`, from..to (to excluded); then `sliced`. */
  | { action: "slice"; ticket: number; transfer: number; from: number; to: number }
  /** The next bytes of `receiveFile` or `backup` (the ticket); keep them in this order. */
  | { action: "save"; ticket: number; bytes: Uint8Array }
  | { action: "progress"; ticket: number; done: number; total: number }
  | { action: "opened" }
  /** It cannot go on: the profile cannot be loaded. free() it. */
  | { action: "failed"; fault: Fault };

export type Happening =
  | { what: "connection"; connection: Connection }
  | { what: "caught-up" }
  /** A conversation has a new entry, of the other account or of another own device. */
  | { what: "entry"; conversation: string; entry: Entry }
  | { what: "state"; conversation: string; id: string; state: MessageState; reason?: FailedReason }
  /** What is unread, or what is known of the account, has changed: look at conversations() / peer(). */
  | { what: "conversation"; conversation: string }
  | { what: "key-changed"; conversation: string }
  | { what: "unreadable"; from: string; device: number }
  | { what: "relay-lies"; account: string; why: "unsigned-list" | "older-list" | "bad-bundle" | "malformed" }
  | { what: "no-such-account"; account: string }
  | { what: "devices-changed" } | { what: "linked" } | { what: "registered" } | { what: "removed" }
  | { what: "started-afresh" } | { what: "cloned" }
  | { what: "store-failed"; fault: Fault };

export type Connection =
  | { state: "offline" } | { state: "linking" } | { state: "connecting" } | { state: "online" }
  | { state: "waiting"; fault: Fault; retryAt: number }
  | { state: "ended"; fault: Fault };

export interface Status {
  account: string; relay: string;
  /** Undefined while it waits to be signed in. */
  device?: number;
  /** "beginning": registers or logs in for the first time. */
  stage: "linking" | "beginning" | "ready" | "removed";
  connection: Connection;
  accountKey: boolean; readReceipts: boolean;
  /** Not encrypted yet; encrypted and not confirmed. */
  queued: number; inFlight: number;
  caughtUp: boolean;
  /** Nothing that a person wrote is still to be sent, but for what waits for a person or a time. */
  settled: boolean;
  /** Nothing is left to do at all. */
  atRest: boolean;
  prekeys?: { oneTime: number; kem: number };
  /** A new profile that the relay refused for good (name-taken ...): delete its database. */
  useless: boolean;
}

export interface Sent { to: string; id: string; position: number; state: "queued" }
/** Each implies those before it. */
export type MessageState = "queued" | "sending" | "sent" | "delivered" | "read" | "failed";
export type FailedReason = "no-such-account" | "not-sent";

export interface Entry {
  position: number;
  from: string; device: number; own: boolean;
  /** When it arrived, or was written, here. */
  received: number;
  kind: "text" | "file" | "key-changed";
  // of messages:
  id?: string;
  /** By the writer's clock. */
  written?: number;
  /** The text; with a file its caption, maybe empty. As it was written: treat as hostile text. */
  text?: string;
  file?: FileInfo;
  // of own messages:
  state?: MessageState; reason?: FailedReason;
}
export interface Found { conversation: string; entry: Entry }
/** name: no folders, no control characters, at most 200; may be empty. mediaType is the sender's word: never trust it. */
export interface FileInfo { name: string; mediaType: string; length: number; blob: string }
export interface OutgoingFile { name: string; mediaType: string; caption: string; length: number; modified: number;
  /** As with `send`. */
  id?: string }
/** Opaque: below which position things were given out, by conversation. Can be cloned and kept. */
export type Cursor = Record<string, number>;

export interface Conversation {
  conversation: string; entries: number; unread: number;
  /** Everything below this position is read. */
  readBelow: number;
  active: number; trust: Trust;
  /** With trust "key-changed": whether the known key was compared. */
  wasVerified: boolean;
  waiting: number;
}
export type Trust = "unknown" | "first-use" | "verified" | "key-changed";
export interface Peer {
  account: string;
  /** Public keys, base64url. */
  key: string; offeredKey?: string;
  devices: number[]; trust: Trust; wasVerified: boolean;
}
export interface OwnDevice { device: number; created: number; thisOne: boolean }
export interface SafetyNumber {
  /** 12 groups of 5 digits with spaces between. */
  digits: string; groups: string[];
  /** 66 bytes for a QR code in binary mode. */
  qr: Uint8Array;
}
export type Comparison = "match" | "ours-differs" | "theirs-differs" | "both-differ";

// ============================================================================================================
// 4. Restoring a backup, into empty rows. Commit every batch in its own transaction; the header with the last one (then
//    `next` gives undefined), so that one that was cut off leaves no profile. Then Client.open.

export class Restore {
  private constructor();
  /** Reads and checks all of it (Argon2id: 64 MiB, a second or two). Faults: wrong-key, store-damaged, store-foreign,
   *  store-newer, too-costly, profile-damaged. */
  static begin(vault: Vault, backup: Uint8Array, passphrase: string): Restore;
  next(): RowChange[] | undefined;
  free(): void;
}

// ============================================================================================================
// 5. Small things

/** Whether this is an account's name / a link code / an origin; what is wrong is in the fault. */
export function checkName(account: string): void;
export function checkOrigin(relay: string): void;
export function checkLinkCode(code: string): void;
/** Of the crates; the npm package has the same. */
export function version(): string;

// ============================================================================================================
// 6. The ratchet alone, for those who want only that. No store, no relay, no accounts looked after.
//
//    Exported states are versioned bytes (docs/PROTOCOL.md, section 11), IN THE CLEAR, with private keys: seal them. Keep the
//    new state durably BEFORE the ciphertext leaves, or the plaintext is shown. A state that is imported twice uses a
//    key twice: that breaks the encryption of both messages, and nothing here can notice it.

/** A device: identity and private prekeys. */
export class Identity {
  private constructor();
  /** Makes an account key and its first device. Faults: bad-name. */
  static generate(account: string, now: number): Identity;
  /** Faults: state-newer, state-damaged. */
  static import(state: Uint8Array): Identity;
  export(): Uint8Array;
  /** Who it is to others: name, device, keys. Public; how the others know it is theirs to see to. */
  readonly card: Uint8Array;
  readonly account: string;
  /** A bundle for whoever writes first; can be used by many, at the price of a replayable first message. */
  bundle(now: number): Uint8Array;
  /** Bundles with one-time prekeys, each for one session only. Changes the state: export it before they are given out.
   *  100 at a time. Faults: ids-used-up. */
  oneTimeBundles(now: number): Uint8Array[];
  /** Once a day: new prekeys where due, old ones erased. True where bundles are to be made anew. */
  rotate(now: number): boolean;
  free(): void;
}

/** All sessions with one other device. */
export class Session {
  private constructor();
  /** From a bundle, whose signatures are checked; whether its card is the right one is yours to compare. Faults: bad-bundle. */
  static initiate(us: Identity, bundle: Uint8Array, now: number): Session;
  /** For messages of a device with this card. Faults: malformed. */
  static accept(card: Uint8Array): Session;
  static import(state: Uint8Array): Session;
  export(): Uint8Array;
  readonly peer: Uint8Array;
  /** Faults: no-session, unanswered, too-large, session-ended. Then nothing has changed. */
  encrypt(plaintext: Uint8Array, now: number): Uint8Array;
  /** `us` changes where `started`: export both. Faults: malformed, unreadable, duplicate, too-far-ahead, unknown-prekey,
   *  too-many-last-resort. Then nothing has changed. */
  decrypt(us: Identity, message: Uint8Array, now: number): { plaintext: Uint8Array; started: boolean };
  free(): void;
}
/** What two people compare, of two cards. Faults: malformed. */
export function safetyNumberOf(ours: Uint8Array, theirs: Uint8Array): SafetyNumber;

// ============================================================================================================
// 7. Loading (made by wasm-bindgen, target web)

export interface InitOutput { readonly memory: WebAssembly.Memory }
/** From a compiled module (or its bytes), synchronously. The SDK compiles the inlined gzip+base64 module and calls this. */
export function initSync(module: { module: WebAssembly.Module | BufferSource }): InitOutput;
/** Only where the .wasm is a file of its own: always give it a URL, Response or module. */
export default function init(input: { module_or_path: URL | string | Response | Promise<Response> | WebAssembly.Module }): Promise<InitOutput>;
