/** Patience, and its end. */

import { SpragError } from "./error.js";
import type { Waiting } from "./face.js";

/** How long calls wait that are told nothing else, in milliseconds. */
export const WITHIN = 30_000;

/** Fails when the time is over or the caller does not want it any more, until `stop`. */
export function patience({ within = WITHIN, signal }: Waiting, stop: AbortSignal, fail: (error: SpragError) => void): void {
  const timer = setTimeout(() => {
    fail(new SpragError("timeout"));
  }, within);
  const abort = (): void => {
    fail(new SpragError("ABORTED"));
  };
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort);
  stop.addEventListener("abort", () => {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  });
}
