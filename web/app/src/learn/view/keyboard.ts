/** Keys that move through the steps and act, wherever no field wants them. */
import type { Lesson } from "../lesson.js";

export function onKey(lesson: Lesson, letters: boolean, event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTaken(event)) return;
  const does = moves(lesson, event) ?? (letters && !event.shiftKey ? acts(lesson, event.key) : undefined);
  if (does === undefined) return;
  event.preventDefault();
  does();
}

/** A field, a slider, a choice or what scrolls has its own use for keys. */
function isTaken({ target }: KeyboardEvent): boolean {
  return target instanceof HTMLInputElement ? target.type !== "checkbox"
    : target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
      || (target instanceof HTMLElement && target.classList.contains("tree"));
}

function moves(lesson: Lesson, { key, shiftKey }: KeyboardEvent): (() => void) | undefined {
  switch (key) {
    case "ArrowLeft": return () => { if (shiftKey) lesson.moveStep(-1); else lesson.move(-1); };
    case "ArrowRight": return () => { if (shiftKey) lesson.moveStep(1); else lesson.move(1); };
    case "Home": return () => { lesson.goToIndex(0); };
    case "End": return () => { lesson.goToIndex(Number.MAX_SAFE_INTEGER); };
    default: return undefined;
  }
}

function acts(lesson: Lesson, key: string): (() => void) | undefined {
  const guided = lesson.guided.value !== undefined;
  const waiting = lesson.step.value?.on_their_way[0];
  switch (key) {
    case "n": return guided ? () => { lesson.moveChapter(1); } : undefined;
    case "p": return guided ? () => { lesson.moveChapter(-1); } : undefined;
    case "s": return () => { lesson.steal("bob"); };
    case "a": return guided ? undefined : () => { lesson.act("A"); };
    case "b": return guided ? undefined : () => { lesson.act("B"); };
    case "d":
    case "x": return guided || waiting === undefined ? undefined : () => { lesson.act(key + waiting); };
    default: return undefined;
  }
}
