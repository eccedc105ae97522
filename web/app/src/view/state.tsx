/** How far a message has come: a shape, and beside or behind it a word. */
import type { MessageState } from "../model/sprag.js";
import { stateWord } from "../model/words.js";
import { Icon, ReadIcon } from "./icons.jsx";

export function StateSign({ state, size = 16 }: { state: MessageState; size?: number }) {
  return state === "read" ? <ReadIcon size={size} /> : <Icon sign={state} size={size} />;
}

export function StateLine({ state }: { state: MessageState }) {
  return <span class={`state state-${state}`}><StateSign state={state} />{stateWord(state)}</span>;
}
