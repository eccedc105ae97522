/** What a browser has. */

import { SpragError } from "../error.js";
import type { Place } from "../rows.js";

/** What kind of store is the default. */
export const DEFAULT_STORE: "indexeddb" | "memory" = "indexeddb";

/** There are no files here. */
export function filePlace(_path: string): Place {
  throw new SpragError("STORE_UNAVAILABLE");
}

/** Opens a socket. */
export function openSocket(url: string, protocols: string[]): WebSocket {
  return new WebSocket(url, protocols);
}

/** Where this page comes from: its own relay, where nobody says anything else. */
export function ownRelay(): string | undefined {
  const { location } = globalThis as { location?: { origin?: string } };
  const origin = location?.origin;
  return origin === undefined || origin === "null" ? undefined : origin;
}

/** Asks that the storage be kept; what comes of it is shown in `protection()`. */
export async function persist(): Promise<void> {
  const storage = (globalThis as { navigator?: Partial<Navigator> }).navigator?.storage as Partial<StorageManager> | undefined;
  try {
    await storage?.persist?.();
  } catch {
    // Then it may be evicted, and it is said so where somebody asks.
  }
}

/** Tells when the network comes or goes, or the page is seen again. What it gives ends that. */
export function watch(wake: (network?: "online" | "offline") => void): () => void {
  const control = new AbortController();
  const { signal } = control;
  const here = globalThis as { addEventListener?: typeof globalThis.addEventListener; document?: Document };
  here.addEventListener?.(
    "online",
    () => {
      wake("online");
    },
    { signal },
  );
  here.addEventListener?.(
    "offline",
    () => {
      wake("offline");
    },
    { signal },
  );
  const page = here.document;
  page?.addEventListener(
    "visibilitychange",
    () => {
      if (page.visibilityState === "visible") wake();
    },
    { signal },
  );
  return () => {
    control.abort();
  };
}
