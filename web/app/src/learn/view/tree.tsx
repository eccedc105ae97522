/** The key tree: a spine of root keys, and a chain below each. It grows to the right as the two take turns. */
import { useEffect, useRef } from "preact/hooks";
import { idOf, type Key } from "../keys.js";
import type { Lesson } from "../lesson.js";
import { nameOf, PARTIES } from "../play.js";
import { Hex, Mark, Panel, statusWord } from "./parts.js";

interface Column {
  readonly step: number;
  readonly spine: readonly Key[];
  readonly chain: readonly Key[];
}

/** The root first: from column to column, one leads to the next. */
const SPINE = ["root", "shared-secret", "header", "agreement", "ephemeral", "one-time-prekey", "one-time-kem-prekey"];
const CHAIN = ["chain", "message"];

export function Tree({ lesson }: { lesson: Lesson }) {
  const keys = lesson.keys.value;
  const focus = lesson.focus.value;
  const scroller = useRef<HTMLDivElement>(null);
  const columns = columnsOf([...keys.values()]);
  useEffect(() => {
    const frame = scroller.current;
    const cell = frame?.querySelector<HTMLElement>(".key.is-focus");
    if (frame === null || cell === null || cell === undefined) return;
    const column = cell.closest<HTMLElement>(".column") ?? cell;
    const [left, right] = [column.offsetLeft, column.offsetLeft + column.offsetWidth];
    if (left < frame.scrollLeft || right > frame.scrollLeft + frame.clientWidth) frame.scrollLeft = Math.max(0, right - frame.clientWidth);
  }, [focus, columns.length]);
  const chosen = focus === null ? undefined : keys.get(focus);
  return (
    <Panel id="tree" title="The key tree">
      <Legend />
      <div class="tree" ref={scroller} tabIndex={0} role="group" aria-label="Key tree, scrolls sideways">
        {columns.map((column) => <ColumnView key={column.step} lesson={lesson} column={column} />)}
      </div>
      {chosen !== undefined && <Chosen chosen={chosen} asked={lesson.chosen.value !== null} />}
    </Panel>
  );
}

function Legend() {
  return (
    <ul class="legend" aria-label="Signs">
      <li><Mark status="held" /> held</li>
      <li><Mark status="kept" /> kept for a late message</li>
      <li><Mark status="erased" /> erased</li>
      <li><Mark status="none" /> not there</li>
      <li class="quiet">Left: Alice. Right: Bob.</li>
    </ul>
  );
}

function columnsOf(keys: readonly Key[]): Column[] {
  const columns = new Map<number, { spine: Key[]; chain: Key[] }>();
  for (const key of keys) {
    const { key: kind, step = 0 } = key.place;
    const [spine, chain] = [SPINE.includes(kind), CHAIN.includes(kind)];
    if (!spine && !chain) continue;
    const column = columns.get(step) ?? { spine: [], chain: [] };
    columns.set(step, column);
    (spine ? column.spine : column.chain).push(key);
  }
  const order = ({ place }: Key) => SPINE.indexOf(place.key);
  const depth = ({ place }: Key) => 2 * (place.n ?? 0) + (place.key === "message" ? 1 : 0);
  return [...columns].sort(([one], [next]) => one - next).map(([step, { spine, chain }]) => ({
    step,
    spine: spine.sort((one, next) => order(one) - order(next)),
    chain: chain.sort((one, next) => depth(one) - depth(next)),
  }));
}

function ColumnView({ lesson, column }: { lesson: Lesson; column: Column }) {
  const { step, spine, chain } = column;
  const speaker = step % 2 === 1 ? "Alice" : "Bob";
  return (
    <div class="column">
      <h3>{step === 0 ? "Handshake" : `Step ${String(step)}: ${speaker} speaks`}</h3>
      <ul class="spine">{spine.map((key) => <Cell key={key.id} lesson={lesson} cell={key} />)}</ul>
      {chain.length > 0 && <ul class="chain">{chain.map((key) => <Cell key={key.id} lesson={lesson} cell={key} />)}</ul>}
    </div>
  );
}

function Cell({ lesson, cell }: { lesson: Lesson; cell: Key }) {
  const { id, name, status, place } = cell;
  const focus = lesson.focus.value === id;
  const asked = lesson.chosen.value === id;
  return (
    <li class={`cell is-${place.key}`}>
      <button type="button" class={`key ${focus ? "is-focus" : ""}`} aria-current={focus ? "true" : undefined} aria-pressed={asked}
        onClick={() => { lesson.chosen.value = asked ? null : id; }}>
        <Mark status={status.alice} />
        <span class="key-name">{name}</span>
        <Mark status={status.bob} />
        <span class="unseen">: Alice {statusWord(status.alice)}, Bob {statusWord(status.bob)}</span>
      </button>
    </li>
  );
}

/** The key in the middle of attention: where it is from and who has it; all about it, if somebody asked. */
function Chosen({ chosen, asked }: { chosen: Key; asked: boolean }) {
  const { name, text, from, status, hex } = chosen;
  const bytes = hex.alice ?? hex.bob;
  const differ = hex.alice !== null && hex.bob !== null && hex.alice !== hex.bob;
  return (
    <div class="chosen">
      <h3>{name}</h3>
      {asked && <p>{text}</p>}
      {from.length > 0 && <p class="quiet">It came from {from.map((place) => spoken(idOf(place))).join(", ")}.</p>}
      <p class="quiet">{PARTIES.map((party) => `${nameOf(party)} ${statusWord(status[party])}.`).join(" ")}</p>
      {asked && bytes !== null && <Hex value={bytes} of={differ ? "key alice" : "key"} />}
      {asked && differ && hex.bob !== null && <Hex value={hex.bob} of="key bob" />}
    </div>
  );
}

/** "chain key 1/0" for chain-1-0. */
function spoken(id: string): string {
  const [, kind = id, rest = ""] = /^([a-z-]+?)-?((?:\d+(?:-\d+)?)?)$/.exec(id) ?? [];
  const numbers = rest.replace("-", "/");
  const names: Record<string, string> = {
    "root": "root key", "chain": "chain key", "message": "message key", "header": "header key",
    "shared-secret": "DH result", "ratchet-key": "the ratchet keys", "agreement-kem": "KEM secret", "agreement-dh": "DH",
  };
  const name = names[kind] ?? kind;
  return numbers === "" ? name : kind === "agreement-dh" ? `${name}${numbers}` : `${name} ${numbers}`;
}
