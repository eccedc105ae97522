/** What the page asks of the engine, wherever that runs. */
import type { Asked, Guide, Play } from "./play.js";

export interface Engine {
  /** Throws a text for a person where the request cannot be played. */
  play(asked: Asked): Play;
  /** The document as it is exported, byte for byte. */
  lines(asked: Asked): string;
  guide(seed: string): Guide;
}
