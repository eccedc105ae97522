/** What a thief reads of everything that was ever sent and will be, and where it ends. */
import type { Lesson } from "../lesson.js";
import { nameOf, type Design, type Stolen, type TheftRow } from "../play.js";
import { Padlock, Panel } from "./parts.js";

export function Thief({ lesson }: { lesson: Lesson }) {
  const theft = lesson.theft.value;
  if (theft === null) return null;
  const { victim, after, stolen, healed, rows } = theft;
  const readable = rows.filter((row) => row.readable).length;
  const name = nameOf(victim);
  return (
    <Panel id="thief" title={`${name}'s phone was stolen after step ${String(after)}`}
      side={<button type="button" class="button small" onClick={() => { lesson.steal(null); }}>Undo the theft</button>}>
      <p>
        The thief has copied {stolen} bytes, everything that {name}'s phone held, and gave it back unseen. He also has every
        ciphertext, earlier and later ones. {lesson.play.value.model ? "In this model he" : "The real core, started from the stolen bytes,"} opens{" "}
        <strong>{readable} of {rows.length}</strong> messages.{" "}
        {outcome(theft, lesson.play.value.model)}
      </p>
      {rows.length > 0 && (
        <ol class="loot">
          {rows.flatMap((row, index) => [
            row.sent === "after" && rows[index - 1]?.sent !== "after" && <Rule key={`${row.message}-theft`} tone="bad" text="Here the phone was copied" />,
            healed === row.message && <Rule key={`${row.message}-healed`} tone="good" text="Healed: from here on he reads nothing" />,
            <LootRow key={row.message} row={row} victim={name} />,
          ])}
        </ol>
      )}
      {rows.some((row) => row.header) && (
        <p class="hint">
          {lesson.play.value.model ? "In the models everybody reads the headers: they are not sealed."
            : "Headers are protected less than texts: a header key lives as long as its chain, and it is derived one chain ahead, so it heals one chain later."}
        </p>
      )}
      <Compared lesson={lesson} />
    </Panel>
  );
}

function outcome({ healed, rows }: Stolen, model: boolean): string {
  if (healed !== null) return `From ${healed} on he reads nothing more: the conversation has healed by itself, and nobody had to notice.`;
  if (!rows.some((row) => row.sent === "after")) return "Let the two talk on, and see whether it heals.";
  if (model) return "In this design it never heals: nothing new ever comes into the keys.";
  return "It has not healed yet: that takes an answer from each side, with fresh ratchet keys.";
}

function Rule({ tone, text }: { tone: "bad" | "good"; text: string }) {
  return <li class={`rule is-${tone}`}><span>{text}</span></li>;
}

const STANDS: Record<TheftRow["stand"], (victim: string) => string> = {
  "read": (victim) => `${victim} had read it`,
  "sent": (victim) => `${victim} had sent it`,
  "on-its-way": (victim) => `it had not reached ${victim}`,
  "future": () => "it was not written yet",
};

function LootRow({ row, victim }: { row: TheftRow; victim: string }) {
  return (
    <li class={`loot-row ${row.readable ? "is-open" : "is-closed"}`} data-message={row.message} data-readable={String(row.readable)}>
      <Padlock open={row.readable} />
      <div>
        <p class="loot-head">
          <span class="label">{row.message}</span> <strong>{row.readable ? "He reads it" : "Closed"}</strong>
          {!row.readable && row.header && <span class="quiet"> (but not its header)</span>}
        </p>
        <p class={row.readable ? "loot-text" : "loot-text is-noise"}>{row.readable ? `“${row.text}”` : "▒▒▒▒▒▒▒▒▒▒"}</p>
        <p class="quiet">{STANDS[row.stand](victim)}; {row.why}</p>
      </div>
    </li>
  );
}

const BUYS: Record<Design, string> = {
  "double-ratchet": "Double Ratchet",
  "single-ratchet": "A single ratchet (model)",
  "static-key": "One static key (model)",
};

function Compared({ lesson }: { lesson: Lesson }) {
  return (
    <div class="compared-frame">
      <table class="compared">
        <caption>The same conversation and the same theft, in each design</caption>
        <thead><tr><th scope="col">Design</th><th scope="col">He reads</th><th scope="col">Heals</th></tr></thead>
        <tbody>
          {lesson.comparisons.value.map(({ design, readable, messages, healed }) => (
            <tr key={design} class={design === lesson.play.value.design ? "is-chosen" : ""}>
              <th scope="row">{BUYS[design]}</th>
              <td>{readable} of {messages}</td>
              <td>{healed === null ? "not so far" : `from ${healed} on`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
