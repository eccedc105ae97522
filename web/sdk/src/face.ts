/** What people who use the package meet: types only. Everything is plain data, and times are `Date`. */

import type { SpragError } from "./error.js";
import type { Storage } from "./storage.js";

/** How a profile is opened. */
export interface OpenOptions {
  /** The relay's address, such as `https://chat.example.org`. In a page: where the page comes from, where it is left out. */
  relay?: string | undefined;
  /** The account. Where it is left out, the profile that is there says it. */
  user?: string | undefined;
  /** `"open"` (default): goes on or registers. `"existing"`: only goes on. `"new"`: only registers (also one that was cut off). */
  mode?: "open" | "existing" | "new" | undefined;
  /** The code that a relay wants of new accounts where not everybody can register. */
  invitation?: string | undefined;
  /** Where the profile is kept. Default: IndexedDB in a browser, memory in Node. */
  store?: Storage | undefined;
  /** What opens the profile beside the wrapping key; in a new profile it is set. A function is asked only where it is needed. */
  passphrase?: string | (() => string | Promise<string>) | undefined;
  /** Opens with a passkey that was added before; needs a click just before. Falls back to `passphrase`. */
  passkey?: boolean | undefined;
  /** Whether others are told what was read. Kept in the profile; in a new one: no. */
  readReceipts?: boolean | undefined;
  /** Never connects: what is written waits in the profile. */
  offline?: boolean | undefined;
}

/** Where a profile is. */
export type Where = Pick<OpenOptions, "relay" | "user" | "store">;

/** A profile that is there. */
export interface FoundProfile {
  /** Whether it needs the passphrase. */
  passphrase: boolean;
  /** Whether a passkey opens it instead. */
  passkey: boolean;
  /** Whether the browser has promised not to evict it; undefined where that is no question. */
  persisted: boolean | undefined;
}

/** How long to wait. */
export interface Waiting {
  /** Milliseconds; 30,000 where it is left out. */
  within?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Which entries. */
export interface Page {
  /** The last ones below this position; the newest where it is left out. */
  before?: number | undefined;
  /** Instead: the first ones from here on. */
  from?: number | undefined;
  /** At most so many; 50 where it is left out. */
  limit?: number | undefined;
}

/** How far a file has come. */
export interface Progress {
  done: number;
  total: number;
}

/** What goes along with a file on its way. */
export interface TransferOptions {
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** What goes along with a file that is sent. */
export interface SendFileOptions extends TransferOptions {
  /** What it is called; that of the `File` where it is left out. */
  name?: string | undefined;
  mediaType?: string | undefined;
  caption?: string | undefined;
}

/** What a device gets that is linked; contacts it always gets. */
export interface LinkOptions {
  /** The private account key: then it can link and remove devices too. */
  accountKey?: boolean | undefined;
  /** The conversations so far. */
  history?: boolean | undefined;
}

/** How a client is. */
export interface Status {
  account: string;
  /** Undefined while it waits to be signed in. */
  device: number | undefined;
  relay: string;
  connection: Connection;
  /** Whether this device takes part in its account, as far as it knows. */
  ready: boolean;
  /** Whether it holds the private account key. */
  accountKey: boolean;
  readReceipts: boolean;
  /** Messages and receipts that wait to be encrypted. */
  queued: number;
  /** Those that are encrypted, and not confirmed yet. */
  inFlight: number;
  /** Whether everything that waited at the relay has been received. */
  caughtUp: boolean;
  /** Whether this tab leads. */
  leading: boolean;
  persisted: boolean | undefined;
}

/** What is between a client and its relay. */
export type Connection =
  | { state: "offline" }
  | { state: "linking" }
  | { state: "connecting" }
  | { state: "online" }
  | { state: "waiting"; why: SpragError; /** When the next attempt is made. */ until: Date }
  | { state: "ended"; why: SpragError };

/** How far a message of one's own has come; each implies those before it. */
export type MessageState = "queued" | "sending" | "sent" | "delivered" | "read" | "failed";
/** Why a message failed. */
export type Failure = "no-such-account" | "not-sent";

/** A message from somebody else. */
export interface Message {
  from: string;
  device: number;
  id: string;
  position: number;
  /** By the writer's clock. */
  written: Date;
  received: Date;
  /** Its text; with a file, what was written beside it. As it was written: treat it as hostile. */
  text: string;
  file: Attachment | undefined;
}

/** A file in a conversation; hand it to `download`. */
export interface Attachment {
  /** No folders, no control characters; may be empty. */
  readonly name: string;
  /** The sender's word: never trust it. */
  readonly mediaType: string;
  readonly length: number;
  /** Where it is found. */
  readonly reference: string;
}

/** A message in a conversation. */
export interface MessageEntry {
  kind: "message";
  position: number;
  from: string;
  device: number;
  own: boolean;
  received: Date;
  id: string;
  written: Date;
  text: string;
  file: Attachment | undefined;
  /** With one's own message. */
  state: MessageState | undefined;
  failure: Failure | undefined;
}

/** The account key changed, and the person accepted the new one. */
export interface KeyChangedEntry {
  kind: "key-changed";
  position: number;
  from: string;
  device: number;
  own: boolean;
  received: Date;
}

/** One entry of a conversation. */
export type Entry = MessageEntry | KeyChangedEntry;

/** What a search found. */
export interface Found {
  with: string;
  entry: MessageEntry;
}

/** A conversation with another account. */
export interface Conversation {
  with: string;
  entries: number;
  unread: number;
  /** Below this position everything is read: where the divider goes. */
  readBelow: number;
  active: Date;
  trust: Trust;
  /** Messages that wait to be sent. */
  waiting: number;
}

/** What is known of who an account is. */
export type Trust = { state: "unknown" } | { state: "first-use" } | { state: "verified" } | { state: "key-changed"; wasVerified: boolean };

/** An account as it is known here. */
export interface Peer {
  name: string;
  /** Its public key, base64url. */
  key: string;
  /** The key that the relay offers instead. */
  offered: string | undefined;
  devices: number[];
  trust: Trust;
}

/** A device of the own account. */
export interface Device {
  id: number;
  created: Date;
  this: boolean;
}

/** What opens a profile. */
export interface Protection {
  passphrase: boolean;
  passkeys: number;
  persisted: boolean | undefined;
}

/** What happens. */
export interface Events {
  /** A message from somebody else. */
  message: Message;
  /** A conversation has a new entry: from the other account, or one's own, written here or on another device. */
  entry: { with: string; entry: Entry };
  /** A message of one's own has another state. */
  state: { with: string; id: string; state: MessageState; failure: Failure | undefined };
  /** What is unread, waiting or known of the other account has changed. */
  conversation: { with: string };
  connection: Connection;
  caughtUp: Nothing;
  /** The relay offers another account key: nothing is sent until a person decides. */
  keyChanged: { with: string };
  /** A message could not be read; the sender is asked for it again. */
  unreadable: { from: string; device: number };
  /** The relay says something that cannot be true; it was not taken. */
  relayLies: { account: string; why: "unsigned-list" | "older-list" | "bad-bundle" | "malformed" };
  noSuchAccount: { account: string };
  /** The own account's devices have changed. */
  devices: Nothing;
  /** This device has been signed into its account. */
  linked: Nothing;
  /** The account has removed this device. */
  removed: Nothing;
  /** This device runs on an older copy of its state, or from a backup: all sessions start afresh. */
  startedAfresh: Nothing;
  /** Another copy of this device's state is in use somewhere. */
  cloned: Nothing;
  /** The store failed; what was being done was undone and is tried again. */
  storeFailed: SpragError;
  settings: { readReceipts: boolean };
  /** Another tab leads now, or this one; look at everything anew. */
  refresh: { leading: boolean };
  closed: Nothing;
}

/** An event that says all by its name. */
export type Nothing = Record<string, never>;
