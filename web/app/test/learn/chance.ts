/** Requests that are left to chance, the same for the same number. */
import { DESIGNS, PARTIES, type Asked, type Party } from "../../src/learn/play.js";

/** Mulberry32: small, and good enough to choose actions. */
function chance(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function anyRequest(seed: number): Asked {
  const below = chance(seed);
  const road: { onTheirWay: string[]; arrived: string[] } = { onTheirWay: [], arrived: [] };
  const written: Record<Party, number> = { alice: 0, bob: 0 };
  const actions: string[] = [];
  const take = (from: string[]): string | undefined => (from.length === 0 ? undefined : from.splice(below(from.length), 1)[0]);
  for (let round = 4 + below(30); round > 0; round -= 1) {
    const what = below(16);
    const from: Party = what < 3 ? "alice" : "bob";
    if (what < 6 && (from === "alice" || road.arrived.some((label) => label.startsWith("A")))) {
      const initial = from === "alice" ? "A" : "B";
      written[from] += 1;
      road.onTheirWay.push(initial + String(written[from]));
      actions.push(initial);
    } else if (what < 15) {
      const label = take(road.onTheirWay);
      if (label === undefined) continue;
      if (what < 14) road.arrived.push(label);
      actions.push((what < 14 ? "d" : "x") + label);
    } else {
      const label = take(road.arrived);
      if (label === undefined) continue;
      road.arrived.push(label);
      actions.push(`d${label}`);
    }
  }
  const victim = PARTIES[below(2)] ?? "bob";
  const design = DESIGNS[below(3)] ?? "double-ratchet";
  return { seed: String(seed), schedule: actions.join("."), design, theft: { victim, after: below(actions.length + 1) } };
}
