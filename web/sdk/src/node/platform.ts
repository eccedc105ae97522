/** What Node has. */

import { FilePlace } from "./file.js";
import { SpragError } from "../error.js";
import type { Place } from "../rows.js";

/** What kind of store is the default. */
export const DEFAULT_STORE: "indexeddb" | "memory" = "memory";

/** A profile in a file. */
export function filePlace(path: string): Place {
  return new FilePlace(path);
}

/** Opens a socket. Node has its own from version 22 on; before, the package `ws` serves. */
export async function openSocket(url: string, protocols: string[]): Promise<WebSocket> {
  const { WebSocket: own } = globalThis as Partial<typeof globalThis>;
  if (own !== undefined) return new own(url, protocols);
  let ws: typeof import("ws");
  try {
    ws = await import("ws");
  } catch (error) {
    throw new SpragError("NO_WEBSOCKET", { cause: error });
  }
  const socket = new ws.WebSocket(url, protocols, { maxPayload: 1_200_000, perMessageDeflate: false });
  // It does what the engine's host uses of a browser's.
  return socket as unknown as WebSocket;
}

/** A program has no relay of its own. */
export function ownRelay(): string | undefined {
  return undefined;
}

/** Files stay. */
export function persist(): Promise<void> {
  return Promise.resolve();
}

/** Nothing tells of the network here. */
export function watch(_wake: (network?: "online" | "offline") => void): () => void {
  return () => {
    // Nothing was begun.
  };
}
