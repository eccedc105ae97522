/** Back and forward, and the line to scrub along. It stays at the bottom of the window. */
import type { Lesson } from "../lesson.js";
import { what } from "./events.js";

const SIGNS = {
  first: "M5 4v12M15.500 4.500 8 10l7.500 5.500z",
  stepBack: "M10 4.500 3.500 10l6.500 5.500zM17 4.500 10.500 10l6.500 5.500z",
  back: "M13 4.500 6 10l7 5.500z",
  on: "M7 4.500 14 10l-7 5.500z",
  stepOn: "M10 4.500 16.500 10 10 15.500zM3 4.500 9.500 10 3 15.500z",
  last: "M15 4v12M4.500 4.500 12 10l-7.500 5.500z",
} as const;

export function Transport({ lesson }: { lesson: Lesson }) {
  const index = lesson.index.value;
  const last = lesson.positions.value.length - 1;
  const { step: number } = lesson.at.value;
  const event = lesson.event.value;
  const step = lesson.step.value;
  const said = `Step ${String(number)} of ${String(lesson.play.value.steps.length - 1)}${event === undefined ? "" : `: ${what(event)}`}`;
  return (
    <nav class="transport" aria-label="Move through the steps">
      <div class="transport-line">
        <input type="range" min={0} max={last} step={1} value={index} aria-label="Moment" aria-valuetext={said}
          onInput={(input) => { lesson.goToIndex(Number(input.currentTarget.value)); }} />
      </div>
      <div class="transport-buttons">
        <Move sign="first" label="To the beginning" disabled={index === 0} onClick={() => { lesson.goToIndex(0); }} />
        <Move sign="stepBack" label="One action back" disabled={number === 0} onClick={() => { lesson.moveStep(-1); }} />
        <Move sign="back" label="One event back" disabled={index === 0} onClick={() => { lesson.move(-1); }} />
        <p class="transport-said" title={step?.title}>{said}</p>
        <Move sign="on" label="One event on" disabled={index === last} onClick={() => { lesson.move(1); }} />
        <Move sign="stepOn" label="One action on" disabled={index === last} onClick={() => { lesson.moveStep(1); }} />
        <Move sign="last" label="To the end" disabled={index === last} onClick={() => { lesson.goToIndex(last); }} />
      </div>
      <p class="unseen" role="status">{said}</p>
    </nav>
  );
}

function Move({ sign, label, disabled, onClick }: { sign: keyof typeof SIGNS; label: string; disabled: boolean; onClick: () => void }) {
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} disabled={disabled} onClick={onClick}>
      <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false"><path d={SIGNS[sign]} /></svg>
    </button>
  );
}
