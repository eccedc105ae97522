// What the module's keys are made of, to be looked for where none may be.

import { createCipheriv } from "node:crypto";

/** So many bytes in a row are no accident; a private key is longer. */
const PIECE = 28;
/** More than a generator gives in a test. */
const DRAWN = 256 * 1024;

/** To be run in a page before anything else: remembers what seeds the generators. */
export function noteSeeds() {
  const original = crypto.getRandomValues.bind(crypto);
  globalThis.seeds = [];
  crypto.getRandomValues = (array) => {
    const filled = original(array);
    if (filled.byteLength === 32) globalThis.seeds.push([...new Uint8Array(filled.buffer, filled.byteOffset, 32)]);
    return filled;
  };
}

const pieceAt = (bytes, at) => bytes.latin1Slice(at, at + PIECE);

/** Every seed, and every piece of what ChaCha20 makes of it, in words of four bytes: private keys are cut from there. */
export function secretsOf(seeds) {
  const pieces = new Set();
  for (const seed of seeds) {
    const drawn = createCipheriv("chacha20", Buffer.from(seed), Buffer.alloc(16)).update(Buffer.alloc(DRAWN));
    pieces.add(pieceAt(Buffer.from(seed), 0));
    for (let at = 0; at + PIECE <= drawn.length; at += 4) pieces.add(pieceAt(drawn, at));
  }
  return pieces;
}

/** How many pieces of secrets are in these bytes. */
export function found(pieces, bytes) {
  let count = 0;
  for (let at = 0; at + PIECE <= bytes.length; at += 1) count += pieces.has(pieceAt(bytes, at)) ? 1 : 0;
  return count;
}
