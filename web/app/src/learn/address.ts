/** A moment as it stands in the address: what is played, where one stands in it, what is stolen. */
import { DESIGNS, PARTIES, type Asked, type Design, type Party, type Theft } from "./play.js";
import type { Position } from "./position.js";

export interface Address extends Asked {
  /** None: at the end. */
  readonly at: Position | null;
  /** A chapter of the guided path; none in free play. */
  readonly chapter: number | null;
}

/** `#seed=7&do=A.dA1&at=1.4&steal=bob@1&design=single-ratchet`, or `#seed=7&chapter=3`. */
export function writeAddress(address: Address): string {
  const parts = [`seed=${address.seed}`];
  if (address.chapter !== null) parts.push(`chapter=${String(address.chapter)}`);
  else {
    parts.push(`do=${address.schedule}`);
    if (address.theft !== null) parts.push(`steal=${address.theft.victim}@${String(address.theft.after)}`);
    if (address.design !== "double-ratchet") parts.push(`design=${address.design}`);
  }
  if (address.at !== null) parts.push(`at=${String(address.at.step)}.${String(address.at.event)}`);
  return `#${parts.join("&")}`;
}

/** What an address says. What it says wrongly is left out; a schedule is judged by the engine. */
export function readAddress(fragment: string): Partial<Address> {
  const parts = new Map<string, string>();
  for (const part of fragment.replace(/^#/, "").split("&")) {
    const [name = "", value = ""] = part.split("=", 2);
    parts.set(name, value);
  }
  const found: { -readonly [Name in keyof Address]?: Address[Name] } = {};
  const seed = parts.get("seed");
  if (seed !== undefined && /^\d{1,20}$/.test(seed) && BigInt(seed) < 2n ** 64n) found.seed = BigInt(seed).toString();
  const schedule = parts.get("do");
  if (schedule !== undefined) found.schedule = schedule;
  const design = parts.get("design");
  if (isDesign(design)) found.design = design;
  const theft = readTheft(parts.get("steal"));
  if (theft !== null) found.theft = theft;
  const at = /^(\d{1,4})\.(\d{1,6})$/.exec(parts.get("at") ?? "");
  if (at !== null) found.at = { step: Number(at[1]), event: Number(at[2]) };
  const chapter = parts.get("chapter");
  if (chapter !== undefined && /^[1-9]$/.test(chapter)) found.chapter = Number(chapter);
  return found;
}

function readTheft(text: string | undefined): Theft | null {
  const [victim, after = ""] = (text ?? "").split("@", 2);
  return isParty(victim) && /^\d{1,4}$/.test(after) ? { victim, after: Number(after) } : null;
}

function isParty(text: string | undefined): text is Party {
  return PARTIES.some((party) => party === text);
}

function isDesign(text: string | undefined): text is Design {
  return DESIGNS.some((design) => design === text);
}
