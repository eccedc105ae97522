/** Everything that this package throws. */

import { isCode, meaning, type ErrorCode } from "./codes.js";
import type { Fault } from "./engine.js";

/** Where the documentation speaks of errors. */
const DOCS = "docs/BROWSER.md#";

/** What may be known beside the code. */
interface Details {
  cause?: unknown;
  message?: string;
  retryable?: boolean;
  retryAfter?: number;
}

/** Why something could not be done. Nothing in it comes from anybody else: it can be shown and logged. */
export class SpragError extends Error {
  override readonly name = "SpragError";
  /** What went wrong, for programs: one of a closed set. */
  readonly code: ErrorCode;
  /** Whether the same may work later, without anything being changed. */
  readonly retryable: boolean;
  /** What to do; `message` says what went wrong. */
  readonly remedy: string;
  /** Seconds after which to try again, where the relay says so. */
  readonly retryAfter: number | undefined;
  /** Where the documentation speaks of it. */
  readonly docs: string;

  constructor(code: ErrorCode, details: Details = {}) {
    const known = meaning(code);
    super(details.message ?? known.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = details.retryable ?? known.retryable;
    this.remedy = known.remedy;
    this.retryAfter = details.retryAfter;
    this.docs = DOCS + code.toLowerCase().replaceAll("_", "-");
  }
}

/** Whether this is an error of this package, also one of another copy of it. */
export function isSpragError(error: unknown): error is SpragError {
  return error instanceof SpragError || (error instanceof Error && error.name === "SpragError" && "code" in error && isCode(error.code));
}

/** An error as it crosses tabs: plain data. */
export interface PlainError {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  retryAfter?: number;
}

/** What crosses tabs of an error. */
export function plain(error: unknown): PlainError {
  const known = asSpragError(error);
  const { code, message, retryable, retryAfter } = known;
  return retryAfter === undefined ? { code, message, retryable } : { code, message, retryable, retryAfter };
}

/** An error out of what crossed tabs. */
export function revive(error: PlainError): SpragError {
  return new SpragError(error.code, error);
}

/** An error out of what the engine says. Codes of a later relay are taken as a failure of it. */
export function ofFault(fault: Fault): SpragError {
  const code: ErrorCode = isCode(fault.code) ? fault.code : "internal";
  const { retryable, retryAfter, ahead } = fault;
  const details: Details = { retryable };
  if (retryAfter !== undefined) details.retryAfter = retryAfter;
  if (ahead !== undefined) details.message = `the clock of this device is ${Math.abs(ahead)} s ${ahead < 0 ? "slow" : "fast"}`;
  return new SpragError(code, details);
}

function isFault(error: unknown): error is Fault {
  return typeof error === "object" && error !== null && !(error instanceof Error) && "code" in error && isCode(error.code);
}

/** Whatever was thrown, as an error of this package. */
export function asSpragError(error: unknown, otherwise: ErrorCode = "internal"): SpragError {
  if (isSpragError(error)) return error;
  if (isFault(error)) return ofFault(error);
  if (error instanceof Error && error.name === "AbortError") return new SpragError("ABORTED", { cause: error });
  // A trap of the module: it is out of memory, or wrong.
  if (typeof WebAssembly === "object" && error instanceof WebAssembly.RuntimeError) return new SpragError("system", { cause: error });
  return new SpragError(otherwise, { cause: error });
}

/** What runs the module: its faults become errors. */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw asSpragError(error, "bad-argument");
  }
}
