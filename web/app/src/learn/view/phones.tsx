/** What each phone holds at the moment that is shown, and the buttons that steal it. */
import type { Lesson } from "../lesson.js";
import { nameOf, PARTIES, type Held, type Party } from "../play.js";
import { Hex, Panel } from "./parts.js";

export function Phones({ lesson }: { lesson: Lesson }) {
  return (
    <Panel id="phones" title="What the phones hold">
      <div class="phones">
        {PARTIES.map((party) => <Phone key={party} lesson={lesson} party={party} />)}
      </div>
    </Panel>
  );
}

function Phone({ lesson, party }: { lesson: Lesson; party: Party }) {
  const holdings = lesson.holdings.value[party];
  const name = nameOf(party);
  const kept = holdings.keys.filter((held) => held.kept);
  const rest = holdings.keys.filter((held) => !held.kept);
  const theft = lesson.theft.value;
  const stolen = theft?.victim === party && theft.after === lesson.at.value.step;
  return (
    <section class={`phone ${stolen ? "is-stolen" : ""}`} aria-labelledby={`phone-${party}`}>
      <h3 id={`phone-${party}`}>{name}'s phone</h3>
      <p class="quiet">
        {holdings.keys.length === 0 ? "No key of this conversation." : holdings.keys.length === 1 ? "One key of this conversation" : `${String(holdings.keys.length)} keys of this conversation`}
        {holdings.keys.length > 0 && holdings.stored > 0 && `, ${String(holdings.stored)} bytes at rest`}
      </p>
      <Keys keys={rest} party={party} />
      {kept.length > 0 && <>
        <p class="quiet">Kept for messages that are late:</p>
        <Keys keys={kept} party={party} />
      </>}
      <button type="button" class="button danger" onClick={() => { lesson.steal(party); }}>Steal {name}'s phone now</button>
    </section>
  );
}

function Keys({ keys, party }: { keys: readonly Held[]; party: Party }) {
  return (
    <dl class="held">
      {keys.map((held) => (
        <div key={held.name + held.hex}>
          <dt>{held.name}</dt>
          <dd><Hex value={held.hex} of={`held ${party}`} /></dd>
        </div>
      ))}
    </dl>
  );
}
