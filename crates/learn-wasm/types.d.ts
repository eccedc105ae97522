/** What the module answers; `web/app/src/learn/play.ts` has the shapes behind the JSON. */

/** Plays `{ seed, schedule, design, theft }`; throws a text for a person. */
export function play(request: string): string;
/** The nine chapters and the play that they lead through; throws a text for a person. */
export function guide(seed: string): string;
export function initSync(options: { module: BufferSource | WebAssembly.Module }): unknown;
export default function init(options: { module_or_path: BufferSource }): Promise<unknown>;
