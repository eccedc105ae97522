/** Written by `npm run inline` out of what `cargo xtask web` builds. */

import type { Glue } from "./engine.js";

/** The module of the client: gzip, then base64. */
export const GZIPPED: string;
/** A fresh copy of the glue that wasm-bindgen made; each copy holds one instance. */
export function makeGlue(): Glue;
