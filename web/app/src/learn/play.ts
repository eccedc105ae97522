/** What the engine answers: the document that `sprag learn --schedule .. --json` prints too. */

export type Party = "alice" | "bob";
export type Design = "double-ratchet" | "single-ratchet" | "static-key";
export const PARTIES: readonly Party[] = ["alice", "bob"];
export const DESIGNS: readonly Design[] = ["double-ratchet", "single-ratchet", "static-key"];

/** What is to be played. */
export interface Asked {
  readonly seed: string;
  /** Actions with points between them: A, B, dA1, xA1. */
  readonly schedule: string;
  readonly design: Design;
  readonly theft: Theft | null;
}

export interface Theft {
  readonly victim: Party;
  /** The step after which the phone is copied. */
  readonly after: number;
}

/** Where a key stands in the key tree. */
export interface Place {
  readonly key: string;
  readonly input?: string;
  readonly id?: number;
  readonly step?: number;
  readonly n?: number;
}

interface Told {
  readonly party: Party;
  readonly place: Place;
  readonly name: string;
  readonly text: string;
  readonly from: readonly Place[];
}

export interface KeyEvent extends Told {
  readonly kind: "derived" | "used" | "kept" | "erased";
  readonly hex: string | null;
}

export interface DhEvent extends Told {
  readonly kind: "dh-step";
  readonly ours: string;
  readonly theirs: string;
}

export type TraceEvent = KeyEvent | DhEvent;

export interface Held {
  readonly place: Place;
  readonly name: string;
  readonly hex: string;
  readonly kept: boolean;
}

export interface Holdings {
  readonly keys: readonly Held[];
  readonly ratchet_key: string | null;
  readonly theirs: string | null;
  readonly stored: number;
}

export interface Step {
  readonly number: number;
  readonly action: string | null;
  readonly kind: "begun" | "sent" | "opened" | "refused" | "lost";
  readonly party: Party;
  readonly message: string | null;
  readonly title: string;
  readonly text: string;
  readonly refusal: string | null;
  readonly events: readonly TraceEvent[];
  readonly alice: Holdings;
  readonly bob: Holdings;
  readonly on_their_way: readonly string[];
}

export interface Field {
  readonly name: string;
  readonly meaning: string;
  readonly length: number;
}

export interface Message {
  readonly message: string;
  readonly from: Party;
  readonly text: string;
  readonly chain: number;
  readonly n: number;
  readonly sealed: number;
  readonly opened: number | null;
  readonly lost: number | null;
  readonly hex: string;
  readonly fields: readonly Field[];
}

export interface TheftRow {
  readonly message: string;
  readonly from: Party;
  readonly text: string;
  readonly chain: number;
  readonly n: number;
  readonly sent: "before" | "after";
  readonly stand: "read" | "sent" | "on-its-way" | "future";
  readonly readable: boolean;
  readonly with: string | null;
  readonly header: boolean;
  readonly refusal: string | null;
  readonly why: string;
}

export interface Stolen extends Theft {
  readonly stolen: number;
  readonly healed: string | null;
  readonly rows: readonly TheftRow[];
}

export interface Play {
  readonly format: "sprag-learn-play";
  readonly version: number;
  readonly seed: string;
  readonly schedule: string;
  readonly design: Design;
  readonly model: boolean;
  readonly steps: readonly Step[];
  readonly messages: readonly Message[];
  readonly theft: Stolen | null;
}

export interface Chapter {
  readonly number: number;
  readonly title: string;
  readonly text: string;
  readonly step: number;
  /** How many of the step's events have happened. */
  readonly event: number;
  readonly theft: boolean;
}

export interface Guide {
  readonly play: Play;
  readonly chapters: readonly Chapter[];
}

export function nameOf(party: Party): string {
  return party === "alice" ? "Alice" : "Bob";
}

export function other(party: Party): Party {
  return party === "alice" ? "bob" : "alice";
}

/** The actions of a schedule. */
export function actionsOf(schedule: string): string[] {
  return schedule === "" ? [] : schedule.split(".");
}
