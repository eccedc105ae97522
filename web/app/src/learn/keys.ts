/** The key tree up to a position: which keys there were, and where each of the two stands with them. */
import { PARTIES, type Held, type Holdings, type Party, type Place, type Play, type TraceEvent } from "./play.js";
import type { Position } from "./position.js";

export type Status = "none" | "held" | "kept" | "erased";

export interface Key {
  readonly id: string;
  readonly place: Place;
  readonly name: string;
  readonly text: string;
  readonly from: readonly Place[];
  readonly status: Record<Party, Status>;
  /** Each one's copy; they are equal but for what each draws alone. */
  readonly hex: Record<Party, string | null>;
}

export function idOf(place: Place): string {
  return [place.key, place.input, place.id, place.step, place.n].filter((part) => part !== undefined).join("-");
}

/** The events up to a position, in order. */
export function happened(play: Play, at: Position): TraceEvent[] {
  const before = play.steps.slice(0, at.step).flatMap((step) => step.events);
  return [...before, ...(play.steps[at.step]?.events.slice(0, at.event) ?? [])];
}

export function keysOf(events: readonly TraceEvent[]): Map<string, Key> {
  const keys = new Map<string, Key>();
  for (const event of events) {
    if (event.kind === "dh-step") continue;
    const id = idOf(event.place);
    let key = keys.get(id);
    if (key === undefined) {
      const { place, name, text, from } = event;
      key = { id, place, name, text, from, status: { alice: "none", bob: "none" }, hex: { alice: null, bob: null } };
      keys.set(id, key);
    }
    if (event.hex !== null) key.hex[event.party] = event.hex;
    if (event.kind === "derived") key.status[event.party] = "held";
    else if (event.kind !== "used") key.status[event.party] = event.kind;
  }
  return keys;
}

/** What each holds at a position. At the end of a step it is what the engine says; within it, that and the events since. */
export function holdingsAt(play: Play, at: Position): Record<Party, Holdings> {
  const step = play.steps[at.step];
  const before = play.steps[at.step - 1];
  const held: Partial<Record<Party, Holdings>> = {};
  for (const party of PARTIES) {
    const whole = step?.[party] ?? EMPTY;
    held[party] = at.event === step?.events.length ? whole
      : follow(before?.[party] ?? EMPTY, party, step?.events.slice(0, at.event) ?? []);
  }
  return { alice: held.alice ?? EMPTY, bob: held.bob ?? EMPTY };
}

const EMPTY: Holdings = { keys: [], ratchet_key: null, theirs: null, stored: 0 };

/** Takes note of events. */
export function follow(before: Holdings, party: Party, events: readonly TraceEvent[]): Holdings {
  let { keys, ratchet_key, theirs } = before;
  for (const event of events) {
    if (event.party !== party) continue;
    if (event.kind === "dh-step") {
      ratchet_key = event.ours;
      theirs = event.theirs;
      continue;
    }
    const id = idOf(event.place);
    const others = (): Held[] => keys.filter((held) => idOf(held.place) !== id);
    if (event.kind === "derived" && event.hex !== null) {
      keys = [...others(), { place: event.place, name: event.name, hex: event.hex, kept: false }];
    } else if (event.kind === "kept") {
      keys = keys.map((held) => (idOf(held.place) === id ? { ...held, kept: true } : held));
    } else if (event.kind === "erased") {
      keys = others();
      if (event.place.key === "ratchet-key") ratchet_key = null;
    }
  }
  return { keys, ratchet_key, theirs, stored: before.stored };
}
