/** Where one stands: in a step, after so many of its events. */
import type { Step } from "./play.js";

export interface Position {
  readonly step: number;
  readonly event: number;
}

/** Every position, in order: one after each event; a step without events has one. */
export function positions(steps: readonly Step[]): Position[] {
  return steps.flatMap(({ number, events }) =>
    events.length === 0 ? [{ step: number, event: 0 }] : events.map((_, index) => ({ step: number, event: index + 1 })));
}

export function endOf(steps: readonly Step[], number: number): Position {
  const step = steps[Math.min(Math.max(number, 0), steps.length - 1)];
  return { step: step?.number ?? 0, event: step?.events.length ?? 0 };
}

/** The position nearest to one that may not exist. */
export function nearest(steps: readonly Step[], wanted: Position | null): Position {
  const end = endOf(steps, steps.length - 1);
  if (wanted === null || wanted.step > end.step) return end;
  const last = endOf(steps, wanted.step);
  const first = Math.min(1, last.event);
  return { step: last.step, event: Math.min(Math.max(wanted.event, first), last.event) };
}

export function isSame(one: Position, other: Position): boolean {
  return one.step === other.step && one.event === other.event;
}
