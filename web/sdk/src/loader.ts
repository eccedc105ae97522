/** A WebAssembly module: unpacked and compiled once, at the first call that needs it. */

import { SpragError } from "./error.js";

/** What an inlined module is. */
export interface Inlined<Glue> {
  readonly GZIPPED: string;
  readonly makeGlue: () => Glue;
}

/** The smallest module there is: where it does not compile, none does. */
const NOTHING = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

export class Loader<Glue extends { initSync(input: { module: WebAssembly.Module }): unknown }> {
  readonly #inlined: Inlined<Glue>;
  #compiled: Promise<WebAssembly.Module> | undefined;
  #shared: Promise<Glue> | undefined;

  constructor(inlined: Inlined<Glue>) {
    this.#inlined = inlined;
  }

  /** The module at work. Memoised; after a failure the next call tries again. */
  async ready(): Promise<Glue> {
    this.#shared ??= this.fresh();
    try {
      return await this.#shared;
    } catch (error) {
      this.#shared = undefined;
      throw error;
    }
  }

  /** An instance of its own, for work whose memory is to be given back. */
  async fresh(): Promise<Glue> {
    this.#compiled ??= compile(this.#inlined.GZIPPED);
    try {
      const module = await this.#compiled;
      const glue = this.#inlined.makeGlue();
      glue.initSync({ module });
      return glue;
    } catch (error) {
      this.#compiled = undefined;
      throw error;
    }
  }
}

async function compile(gzipped: string): Promise<WebAssembly.Module> {
  // Old browsers have not all that the types promise.
  const here = globalThis as Partial<typeof globalThis>;
  if (here.WebAssembly === undefined) throw new SpragError("NO_WASM");
  if (here.DecompressionStream === undefined) throw new SpragError("NO_DECOMPRESSION");
  const bytes = await unpack(gzipped);
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new SpragError(await why(), { cause: error });
  }
}

async function unpack(base64: string): Promise<ArrayBuffer> {
  try {
    const text = atob(base64);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return await new Response(stream).arrayBuffer();
  } catch (error) {
    throw new SpragError("MODULE_DAMAGED", { cause: error });
  }
}

async function why(): Promise<"CSP_BLOCKS_WASM" | "NO_WASM"> {
  try {
    await WebAssembly.compile(NOTHING);
    return "NO_WASM";
  } catch {
    return "CSP_BLOCKS_WASM";
  }
}
