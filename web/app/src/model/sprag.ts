/**
 * What the chat needs of the package `sprag`: its client and its ways in, as interfaces. The package
 * satisfies them, and so does what the tests have in its place.
 */
import type * as Sprag from "sprag";

export type {
  Attachment, Comparison, Connection, Conversation, Device, Entry, Events, FoundProfile, LinkOptions, MessageEntry,
  MessageState, OpenOptions, Peer, Protection, SafetyNumber, Status, Trust,
} from "sprag";

/** A message that is kept and will be sent, as far as the chat looks at it: the rest comes as events. */
export interface Sent {
  readonly id: string;
}

/** A client, without what the chat does not use. */
export interface Client extends Used {
  send(to: string, text: string): Promise<Sent>;
  sendFile(to: string, file: Blob | Uint8Array, options?: Sprag.SendFileOptions): Promise<Sent>;
  retry(to: string, id: string): Promise<Sent>;
}

type Used = Pick<
  Sprag.Client,
  | "account" | "relay" | "connection" | "leading" | "closed" | "status" | "download" | "conversations" | "conversation" | "messages" | "markRead" | "search" | "meet" | "refresh" | "peer" | "safetyNumber"
  | "setVerified" | "acceptKey" | "devices" | "link" | "removeDevice" | "setReadReceipts" | "protection"
  | "setPassphrase" | "addPasskey" | "removePasskeys" | "backup" | "reconnect" | "on" | "close" | "deleteAccount"
>;

/** A device that waits to be signed in. */
export interface Linking {
  readonly code: string;
  linked(options?: { signal?: AbortSignal }): Promise<Client>;
  close(): Promise<void>;
}

/** The ways to a client. */
export interface Doors {
  open(options?: Sprag.OpenOptions): Promise<Client>;
  findProfile(options?: Pick<Sprag.OpenOptions, "store">): Promise<Sprag.FoundProfile | undefined>;
  forgetProfile(options?: Pick<Sprag.OpenOptions, "store">): Promise<void>;
  linkNewDevice(options: Sprag.OpenOptions): Promise<Linking>;
  restoreBackup(options: Sprag.OpenOptions, backup: Blob | Uint8Array, passphrase: string): Promise<Client>;
}

/** What an error of the package says of itself. */
export interface Told {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly retryable: boolean;
}

/** Whether this is an error of the package, whose words may be shown. */
export function isTold(error: unknown): error is Error & Told {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    && "remedy" in error && typeof error.remedy === "string";
}

/** The code of an error, or nothing where it is not one of the package's. */
export function codeOf(error: unknown): string | undefined {
  return isTold(error) ? error.code : undefined;
}
