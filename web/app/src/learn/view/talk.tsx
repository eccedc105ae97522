/** The conversation: what was written, where it is now, and what the learner lets happen to it. */
import type { ComponentChildren } from "preact";
import type { Lesson } from "../lesson.js";
import { nameOf, other, type Message, type TheftRow } from "../play.js";
import { Hex, Padlock, Panel } from "./parts.js";

export function Talk({ lesson }: { lesson: Lesson }) {
  const { messages } = lesson.play.value;
  const step = lesson.at.value.step;
  const shown = messages.filter((message) => message.sealed <= step);
  const rows = new Map(lesson.theft.value?.rows.map((row) => [row.message, row]));
  return (
    <Panel id="talk" title="The conversation">
      {messages.length === 0 && <p>You decide what happens: who writes, what arrives, what is late or lost. Steal a phone whenever you like.</p>}
      {shown.length === 0 && <p class="hint">Nothing was written yet. Only Alice can begin: she has Bob's keys from the directory.</p>}
      <ol class="talk">
        {shown.map((message) => <Bubble key={message.message} lesson={lesson} message={message} row={rows.get(message.message)} />)}
      </ol>
      <Controls lesson={lesson} />
    </Panel>
  );
}

function Controls({ lesson }: { lesson: Lesson }) {
  const { messages, steps } = lesson.play.value;
  const { step } = lesson.at.value;
  const later = steps.length - 1 - step;
  const heard = messages.some((message) => message.from === "alice" && message.opened !== null && message.opened <= step);
  if (lesson.guided.value !== undefined) {
    return (
      <div class="controls">
        <button type="button" class="button" onClick={() => { lesson.takeOver(); }}>Go on from here yourself</button>
      </div>
    );
  }
  return (
    <div class="controls">
      <div class="control-row">
        <button type="button" class="button primary" onClick={() => { lesson.act("A"); }}>Alice writes <kbd>a</kbd></button>
        <button type="button" class="button primary" disabled={!heard} onClick={() => { lesson.act("B"); }}>Bob writes <kbd>b</kbd></button>
      </div>
      {!heard && <p class="hint">Bob can write once a message of Alice's has reached him.</p>}
      {later > 0 && <p class="hint">You stand {later === 1 ? "one step" : `${String(later)} steps`} before the end. What you do here replaces what came after.</p>}
    </div>
  );
}

function Bubble({ lesson, message, row }: { lesson: Lesson; message: Message; row: TheftRow | undefined }) {
  const current = lesson.step.value?.message === message.message;
  const future = row?.sent === "after";
  return (
    <li class={`bubble-row from-${message.from}`}>
      <article class={`bubble ${current ? "is-current" : ""}`} aria-label={`${message.message}, ${nameOf(message.from)} to ${nameOf(other(message.from))}`}>
        <p class="bubble-head">
          <span class="label">{message.message}</span>
          <span class="where">{nameOf(message.from)}{message.chain > 0 && ` · chain ${String(message.chain)}, number ${String(message.n)}`}</span>
        </p>
        <p class="bubble-text">{message.text}</p>
        {row !== undefined && (
          <p class={`verdict ${row.readable ? "is-open" : "is-closed"}`}>
            <Padlock open={row.readable} />
            <span>{row.readable ? "The thief reads it" : "Closed to the thief"}{future && " (sent after the theft)"}</span>
          </p>
        )}
        <Fate lesson={lesson} message={message} />
        <Wire message={message} />
      </article>
    </li>
  );
}

function Fate({ lesson, message }: { lesson: Lesson; message: Message }) {
  const { step } = lesson.at.value;
  const to = nameOf(other(message.from));
  const free = lesson.guided.value === undefined;
  const { message: label } = message;
  const refused = lesson.play.value.steps.find((one) => one.kind === "refused" && one.message === label && one.number <= step);
  const button = (action: string, words: ComponentChildren) => free && (
    <button type="button" class="button small" onClick={() => { lesson.act(action + label); }}>{words}<span class="unseen"> {label}</span></button>
  );
  if (message.lost !== null && message.lost <= step) return <p class="fate">Lost on the way.</p>;
  if (message.opened !== null && message.opened <= step) {
    return (
      <div class="fate">
        <p>{to} has read it.{refused !== undefined && ` When it came again, the core refused it: “${refused.refusal ?? ""}”.`}</p>
        {button("d", "Deliver again")}
      </div>
    );
  }
  return (
    <div class="fate is-on-its-way">
      <p>On its way to {to}.</p>
      {button("d", "Deliver")}
      {button("x", "Lose")}
    </div>
  );
}

function Wire({ message }: { message: Message }) {
  let from = 0;
  const fields = message.fields.map((field) => {
    const hex = message.hex.slice(2 * from, 2 * (from + field.length));
    from += field.length;
    return { ...field, hex };
  });
  return (
    <details class="wire">
      <summary>What the network sees: {message.hex.length / 2} bytes</summary>
      <dl>
        {fields.map(({ name, meaning, length, hex }, index) => (
          <div key={index}>
            <dt>{name} <span class="quiet">{length} bytes, {meaning}</span></dt>
            <dd><Hex value={hex} of={`wire ${message.message}`} /></dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
