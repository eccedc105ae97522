/** The engine in Node: the same module as the page's, read from the disk. */
import { readFileSync } from "node:fs";
import type { Engine } from "../../src/learn/engine.js";
import type { Asked, Guide, Play } from "../../src/learn/play.js";

interface Module {
  initSync(options: { module: Uint8Array }): unknown;
  play(request: string): string;
  guide(seed: string): string;
}

// Built by `cargo xtask web`; its place is seen from `build/test/learn`.
const folder = new URL("../../../src/learn/module/", import.meta.url);

export async function openNodeEngine(): Promise<Engine & { raw(request: string): string }> {
  const module = (await import(new URL("sprag_learn.js", folder).href)) as Module;
  module.initSync({ module: readFileSync(new URL("sprag_learn_bg.wasm", folder)) });
  const lines = (asked: Asked): string => module.play(JSON.stringify(asked));
  return {
    lines,
    raw: (request) => module.play(request),
    play: (asked) => JSON.parse(lines(asked)) as Play,
    guide: (seed) => JSON.parse(module.guide(seed)) as Guide,
  };
}
