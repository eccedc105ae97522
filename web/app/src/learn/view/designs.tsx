/** The two comparisons: what each ratchet buys, seen by leaving it out. */
import type { Lesson } from "../lesson.js";
import type { Design } from "../play.js";
import { Panel } from "./parts.js";

const CHOICES: readonly { design: Design; name: string; text: string }[] = [
  { design: "double-ratchet", name: "Double Ratchet", text: "What Sprag does, by the real core. The past stays closed, and a theft heals." },
  { design: "single-ratchet", name: "A single ratchet", text: "A model without the DH ratchet. The past stays closed, but a theft never heals." },
  { design: "static-key", name: "One static key", text: "A model without any ratchet. One theft opens everything, earlier and later." },
];

export function Designs({ lesson }: { lesson: Lesson }) {
  const { design, model } = lesson.play.value;
  return (
    <Panel id="designs" title="What if a part were missing?">
      <fieldset class="choice">
        <legend class="unseen">Design</legend>
        {CHOICES.map((choice) => (
          <label key={choice.design} class={`option ${choice.design === design ? "is-chosen" : ""}`}>
            <input type="radio" name="design" value={choice.design} checked={choice.design === design} onChange={() => { lesson.choose(choice.design); }} />
            <span class="option-text"><span class="option-label">{choice.name}</span><span class="hint">{choice.text}</span></span>
          </label>
        ))}
      </fieldset>
      {model && (
        <p class="model-note">
          You see a <strong>teaching model</strong>, not the protocol. It begins with the real handshake and uses the core's own key
          derivation and encryption, with a part left out and nothing put in its place. Nobody should send messages like this.
        </p>
      )}
    </Panel>
  );
}
