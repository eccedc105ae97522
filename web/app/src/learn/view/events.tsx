/** What the core's trace reports in the step that is shown, event by event. */
import { useEffect, useRef } from "preact/hooks";
import type { Lesson } from "../lesson.js";
import { nameOf, other, type TraceEvent } from "../play.js";
import { Hex, Panel, ShortHex } from "./parts.js";

const VERBS: Record<TraceEvent["kind"], { word: string; path: string }> = {
  "derived": { word: "derived", path: "M8 3v10M3 8h10" },
  "used": { word: "used", path: "M3 8.500l3.500 3.500 6.500-7.500" },
  "kept": { word: "kept", path: "M5.500 3.500v9M10.500 3.500v9" },
  "erased": { word: "erased", path: "M4 4l8 8M12 4l-8 8" },
  "dh-step": { word: "turned", path: "M12.800 6.500A5 5 0 1 0 13 9.500M13 3v3.500H9.500" },
};

export function Events({ lesson }: { lesson: Lesson }) {
  const step = lesson.step.value;
  const { event: until } = lesson.at.value;
  const current = useRef<HTMLLIElement>(null);
  const list = useRef<HTMLOListElement>(null);
  // Only the list scrolls, never the page.
  useEffect(() => {
    const [item, frame] = [current.current, list.current];
    if (item === null || frame === null) return;
    const [top, bottom] = [item.offsetTop, item.offsetTop + item.offsetHeight];
    if (top < frame.scrollTop || bottom > frame.scrollTop + frame.clientHeight) frame.scrollTop = top - 8;
  }, [lesson.at.value]);
  if (step === undefined) return null;
  return (
    <Panel id="events" title="What happens to the keys" side={<span class="quiet">{until} of {step.events.length}</span>}>
      <p class="step-title">Step {step.number}: {step.title}</p>
      {step.events.length === 0 && <p class="hint">Nothing: no key is touched.</p>}
      <ol class="events" ref={list}>
        {step.events.map((event, index) => {
          const isCurrent = index + 1 === until;
          return (
            <li key={index} ref={isCurrent ? current : null} class={`event is-${event.kind} ${isCurrent ? "is-current" : ""} ${index >= until ? "is-ahead" : ""}`}>
              <button type="button" class="event-line" aria-current={isCurrent ? "step" : undefined}
                onClick={() => { lesson.goTo({ step: step.number, event: index + 1 }); }}>
                <Verb kind={event.kind} />
                <span class="event-what"><span class="event-who">{nameOf(event.party)}:</span> {what(event)}</span>
                {!isCurrent && index < until && event.kind !== "dh-step" && event.hex !== null && <ShortHex value={event.hex} />}
              </button>
              {isCurrent && <Detail event={event} />}
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}

export function what(event: TraceEvent): string {
  return event.kind === "dh-step" ? "DH ratchet turned" : `${event.name} ${VERBS[event.kind].word}`;
}

function Verb({ kind }: { kind: TraceEvent["kind"] }) {
  return (
    <svg class="verb" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={VERBS[kind].path} />
    </svg>
  );
}

function Detail({ event }: { event: TraceEvent }) {
  return (
    <div class="event-detail">
      <p>{event.text}</p>
      {event.kind === "dh-step" ? (
        <dl class="pairs">
          <div><dt>{nameOf(event.party)}'s public ratchet key</dt><dd><Hex value={event.ours} of="event ours" /></dd></div>
          <div><dt>{nameOf(other(event.party))}'s public ratchet key</dt><dd><Hex value={event.theirs} of="event theirs" /></dd></div>
        </dl>
      ) : event.hex === null ? <p class="quiet">A prekey: its bytes are not told, only its end.</p> : <Hex value={event.hex} of="event" />}
    </div>
  );
}
