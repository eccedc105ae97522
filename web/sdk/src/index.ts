/** End-to-end encrypted messages: `open` makes or restores the keys of an account, and gives a `Client`. */

export { open, restoreBackup, linkNewDevice, findProfile, forgetProfile, Linking } from "./opening.js";
export { Client, type SafetyNumber } from "./client.js";
export { Sent } from "./sent.js";
export { indexedDb, memory, file, type Storage } from "./storage.js";
export { SpragError, isSpragError } from "./error.js";
export type { ErrorCode } from "./codes.js";
export type { Comparison } from "./safety.js";
export type {
  Attachment,
  Connection,
  Conversation,
  Device,
  Entry,
  Events,
  Failure,
  Found,
  FoundProfile,
  KeyChangedEntry,
  LinkOptions,
  Message,
  MessageEntry,
  MessageState,
  OpenOptions,
  Page,
  Peer,
  Progress,
  Protection,
  SendFileOptions,
  Status,
  TransferOptions,
  Trust,
  Waiting,
  Where,
} from "./face.js";
