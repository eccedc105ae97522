/** The engine: the real core in WebAssembly. A request goes in as JSON, a document comes out as JSON. */
import init, { guide, play } from "./module/sprag_learn.js";
import moduleUrl from "./module/sprag_learn_bg.wasm?url";
import type { Engine } from "./engine.js";
import type { Asked, Guide, Play } from "./play.js";

export async function openEngine(): Promise<Engine> {
  const answer = await fetch(moduleUrl);
  if (!answer.ok) throw new Error(`the module is not there (${String(answer.status)})`);
  await init({ module_or_path: await answer.arrayBuffer() });
  const lines = (asked: Asked): string => play(JSON.stringify(asked));
  return {
    lines,
    play: (asked) => JSON.parse(lines(asked)) as Play,
    guide: (seed) => JSON.parse(guide(seed)) as Guide,
  };
}
