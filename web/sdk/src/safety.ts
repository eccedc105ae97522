/** Safety numbers: shown, and compared with what the other side shows. */

import type * as engine from "./engine.js";

/** What came of comparing. `incomplete`: what there is so far fits. `differs`: the digits are others. */
export type Comparison =
  | "match"
  | "ours-differs"
  | "theirs-differs"
  | "both-differ"
  | "differs"
  | "incomplete"
  | "not-a-code"
  | "other-version";

const QR_LEN = 66;
const DIGITS = 60;

/** A safety number without an account to mark. */
export interface Number60 {
  /** 60 digits. */
  readonly digits: string;
  /** 12 groups of 5. */
  readonly groups: readonly string[];
  /** The bytes of the QR code to show. */
  readonly qr: Uint8Array;
  /** The same as text, for a QR code in text mode and to be pasted. */
  readonly qrText: string;
  /** Compares with what the other side shows: scanned bytes, `qrText`, or the 60 digits however they are spaced. Changes nothing. */
  compare(theirs: string | Uint8Array): Comparison;
}

/** A safety number as it is shown. */
export function numberOf(raw: engine.SafetyNumber): Number60 {
  const { groups, qr } = raw;
  const digits = groups.join("");
  return { digits, groups, qr, qrText: toBase64url(qr), compare: (theirs) => compare(digits, qr, theirs) };
}

function compare(digits: string, qr: Uint8Array, theirs: string | Uint8Array): Comparison {
  if (typeof theirs !== "string") return compareCodes(qr, theirs);
  // People type digits with spaces, line breaks, dots and dashes between them.
  const bare = theirs.replaceAll(/[\s.,;:\-–—_/|]/gu, "");
  if (bare === "") return "incomplete";
  if (/^\d+$/u.test(bare)) {
    if (bare.length > DIGITS) return "not-a-code";
    if (!digits.startsWith(bare)) return "differs";
    return bare.length === DIGITS ? "match" : "incomplete";
  }
  const bytes = fromBase64url(theirs.trim());
  return bytes === undefined ? "not-a-code" : compareCodes(qr, bytes);
}

/** `version (2) || the fingerprint of whoever shows it (32) || the other one (32)`. */
function compareCodes(ours: Uint8Array, theirs: Uint8Array): Comparison {
  if (theirs.length !== QR_LEN) return "not-a-code";
  if (ours[0] !== theirs[0] || ours[1] !== theirs[1]) return "other-version";
  const oursDiffers = !same(ours.subarray(2, 34), theirs.subarray(34, 66));
  const theirsDiffers = !same(ours.subarray(34, 66), theirs.subarray(2, 34));
  if (oursDiffers && theirsDiffers) return "both-differ";
  if (oursDiffers) return "ours-differs";
  return theirsDiffers ? "theirs-differs" : "match";
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function toBase64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64url(text: string): Uint8Array | undefined {
  if (!/^[\w-]+$/u.test(text)) return undefined;
  try {
    const letters = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
