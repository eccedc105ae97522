/** What the engine says, as people meet it. */

import type * as engine from "./engine.js";
import { ofFault, SpragError } from "./error.js";
import type { Attachment, Connection, Conversation, Device, Entry, Found, Message, MessageEntry, Peer, Trust } from "./face.js";

export function entryOf(conversation: string, raw: engine.Entry): Entry {
  const { position, from, device, own } = raw;
  const received = new Date(raw.received);
  if (raw.kind === "key-changed") return { kind: "key-changed", position, from, device, own, received };
  return {
    kind: "message",
    position,
    from,
    device,
    own,
    received,
    id: raw.id ?? "",
    written: new Date(raw.written ?? raw.received),
    text: raw.text ?? "",
    file: raw.file === undefined ? undefined : attachmentOf(conversation, position, raw.file),
    state: raw.state,
    failure: raw.reason,
  };
}

/** A message of somebody else, where the entry is one. */
export function messageOf(entry: Entry): Message | undefined {
  if (entry.kind !== "message" || entry.own) return undefined;
  const { from, device, id, position, written, received, text, file } = entry;
  return { from, device, id, position, written, received, text, file };
}

function attachmentOf(conversation: string, position: number, file: engine.FileInfo): Attachment {
  const { name, mediaType, length } = file;
  return { name, mediaType, length, reference: `${conversation}/${position}` };
}

/** Where an attachment is found. */
export function placeOf(file: Attachment): { conversation: string; position: number } {
  const [, conversation, position] = /^([^/]+)\/(\d+)$/u.exec(file.reference) ?? [];
  if (conversation === undefined || position === undefined) throw new SpragError("bad-argument");
  return { conversation, position: Number(position) };
}

export function foundOf(raw: engine.Found): Found | undefined {
  const entry = entryOf(raw.conversation, raw.entry);
  return isMessage(entry) ? { with: raw.conversation, entry } : undefined;
}

function isMessage(entry: Entry): entry is MessageEntry {
  return entry.kind === "message";
}

export function conversationOf(raw: engine.Conversation): Conversation {
  const { conversation, entries, unread, readBelow, active, waiting } = raw;
  return { with: conversation, entries, unread, readBelow, active: new Date(active), trust: trustOf(raw), waiting };
}

export function peerOf(raw: engine.Peer): Peer {
  const { account, key, offeredKey, devices } = raw;
  return { name: account, key, offered: offeredKey, devices, trust: trustOf(raw) };
}

export function trustOf({ trust, wasVerified }: { trust: engine.Trust; wasVerified: boolean }): Trust {
  return trust === "key-changed" ? { state: trust, wasVerified } : { state: trust };
}

export function deviceOf(raw: engine.OwnDevice): Device {
  return { id: raw.device, created: new Date(raw.created), this: raw.thisOne };
}

export function connectionOf(raw: engine.Connection): Connection {
  switch (raw.state) {
    case "waiting":
      return { state: "waiting", why: ofFault(raw.fault), until: new Date(raw.retryAt) };
    case "ended":
      return { state: "ended", why: ofFault(raw.fault) };
    case "offline":
    case "linking":
    case "connecting":
    case "online":
      return { state: raw.state };
  }
}
