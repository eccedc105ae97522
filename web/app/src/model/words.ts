/** What is said to a person: errors, states, connections, times. */
import { isTold, type Connection, type MessageState, type Trust } from "./sprag.js";

/** Something that went wrong, and what to do. */
export interface Problem {
  readonly code: string;
  readonly text: string;
  readonly remedy: string;
}

/** Names the caller's own trouble better than the error, which does not know where it is shown. */
const OWN_WORDS: Readonly<Record<string, Partial<Problem>>> = {
  "name-taken": { text: "This name is taken.", remedy: "Choose another one. If it is yours, link this browser to it instead." },
  "bad-name": { text: "This cannot be a name.", remedy: "A name is 1 to 64 of a to z, 0 to 9, dot, dash and underscore, and starts with a letter or digit." },
  "no-such-account": { text: "Nobody has this name here.", remedy: "Check how it is written." },
  "own-account": { text: "This is your own name.", remedy: "Write to somebody else." },
  "wrong-key": { text: "This passphrase is not the right one.", remedy: "Try again; mind capital letters and the keyboard's language." },
  "not-a-link-code": { text: "This is not a link code.", remedy: "It begins with sprag-link: and is shown by the new device." },
  "invitation-invalid": { text: "This relay wants an invitation.", remedy: "Ask whoever runs it for a code, and put it in below." },
  "taken-over": { remedy: "Close the other one, or connect again here." },
  "bad-argument": { text: "This page asked for something that cannot be.", remedy: "Reload it; if it stays, report it." },
  // The package speaks to programmers here.
  NO_INDEXEDDB: { remedy: "Allow storage for this site, or use an ordinary window." },
  STORE_UNAVAILABLE: { text: "This browser keeps nothing for this page.", remedy: "Allow storage for this site, or use an ordinary window." },
  STORAGE_EVICTED: { remedy: "Begin anew here: link this browser to your account, or restore a backup." },
  CSP_BLOCKS_WASM: { remedy: "Something between this browser and the relay changed the page: a proxy, or an extension." },
  MODULE_DAMAGED: { text: "This page came damaged.", remedy: "Reload it." },
  PASSKEY_REFUSED: { text: "The passkey was not given.", remedy: "Try again, or use your passphrase." },
};

/** An error in words. What is not the package's own is a fault of this page. */
export function explain(error: unknown): Problem {
  if (isTold(error)) {
    return { code: error.code, text: sentence(error.message), remedy: sentence(error.remedy), ...OWN_WORDS[error.code] };
  }
  return { code: "page", text: "This page made a mistake.", remedy: "Reload it. Nothing that was shown as queued is lost." };
}

/** The same, where a link code was given: what is none may be called by the name of another kind of code. */
export function explainLinking(error: unknown): Problem {
  const problem = explain(error);
  return problem.code === "not-a-code" ? { ...problem, ...OWN_WORDS["not-a-link-code"] } : problem;
}

/** With a capital letter and a full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

const STATES: Readonly<Record<MessageState, string>> = {
  queued: "Queued",
  sending: "Sending",
  sent: "Sent",
  delivered: "Delivered",
  read: "Read",
  failed: "Not sent",
};

export function stateWord(state: MessageState): string {
  return STATES[state];
}

export function failureWords(failure: string | undefined): string {
  return failure === "no-such-account" ? "There is no such account any more." : "The relay did not take it.";
}

export function trustWord(trust: Trust): string {
  switch (trust.state) {
    case "unknown": return "Not met yet";
    case "first-use": return "Not verified";
    case "verified": return "Verified";
    case "key-changed": return "Key changed";
  }
}

/** The connection in a word or two, and whether that is as it should be. */
export function connectionWords(connection: Connection, now: number): { tone: "good" | "busy" | "bad"; short: string; long: string } {
  switch (connection.state) {
    case "online": return { tone: "good", short: "Connected", long: "" };
    case "linking": return { tone: "busy", short: "Being linked", long: "" };
    case "connecting": return { tone: "busy", short: "Connecting", long: "" };
    case "offline": return { tone: "bad", short: "Offline", long: "What you write is kept and sent when there is a connection." };
    case "waiting": {
      const seconds = Math.max(0, Math.ceil((connection.until.getTime() - now) / 1000));
      const when = seconds > 1 ? `Trying again in ${String(seconds)} s.` : "Trying again now.";
      return { tone: "busy", short: "No connection", long: `${explain(connection.why).text} ${when}` };
    }
    case "ended": {
      const { text, remedy } = explain(connection.why);
      return { tone: "bad", short: "Disconnected", long: `${text} ${remedy}` };
    }
  }
}

export function plural(count: number, one: string, many: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** Bytes as a person says them. */
export function size(bytes: number): string {
  if (bytes < 1000) return plural(bytes, "byte", "bytes");
  const steps = ["kB", "MB", "GB"];
  let value = bytes / 1000;
  let at = 0;
  while (value >= 999.5 && at < steps.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ${steps[at] ?? ""}`;
}

const HOUR = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat("en", { weekday: "long" });
const SHORT_WEEKDAY = new Intl.DateTimeFormat("en", { weekday: "short" });
const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "long" });
const SHORT_DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const DAY_AND_YEAR = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });
const WHOLE = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "short" });

/** Days between two moments, as a calendar on the wall counts them. */
function daysBetween(then: Date, now: Date): number {
  const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(now) - midnight(then)) / 86_400_000);
}

/** The time of day. */
export function clock(time: Date): string {
  return HOUR.format(time);
}

export function wholeTime(time: Date): string {
  return WHOLE.format(time);
}

/** A day, above what was said on it. */
export function dayName(time: Date, now: Date): string {
  const days = daysBetween(time, now);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days > 1 && days < 7) return WEEKDAY.format(time);
  return time.getFullYear() === now.getFullYear() ? DAY.format(time) : DAY_AND_YEAR.format(time);
}

/** When something happened, as briefly as it can be said. */
export function brieflyWhen(time: Date, now: Date): string {
  const days = daysBetween(time, now);
  if (days === 0) return clock(time);
  if (days > 0 && days < 7) return SHORT_WEEKDAY.format(time);
  return SHORT_DAY.format(time);
}

export function sameDay(one: Date, other: Date): boolean {
  return daysBetween(one, other) === 0;
}
