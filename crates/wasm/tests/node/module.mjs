// The module under test: `SPRAG_WASM` names the folder that `cargo xtask web` or `cargo xtask test` has written.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folder = process.env.SPRAG_WASM;
if (folder === undefined) throw new Error("SPRAG_WASM names no folder: run these by `cargo xtask test`");

/** The module, ready to use. */
export const sprag = await import(pathToFileURL(join(folder, "sprag_wasm.js")).href);
sprag.initSync({ module: readFileSync(join(folder, "sprag_wasm_bg.wasm")) });

/** Bytes out of hexadecimal digits, and back. */
export const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
export const hex = (value) => Buffer.from(value).toString("hex");
export const utf8 = (text) => new TextEncoder().encode(text);

/** A file of `vectors/`: its lines as `[name, value]`, in blocks with what stands above them. */
export function blocks(file) {
  const text = readFileSync(new URL(`../../../../vectors/${file}`, import.meta.url), "utf8");
  const found = [{ comment: "", lines: [] }];
  for (const line of text.split("\n")) {
    if (line.startsWith("# ")) found.push({ comment: line.slice(2), lines: [] });
    const at = line.indexOf(" =");
    if (at > 0 && !line.startsWith("#")) found.at(-1).lines.push([line.slice(0, at), line.slice(at + 2).trim()]);
  }
  return found.filter((block) => block.lines.length > 0);
}

/** All lines of a file as an object. */
export const values = (file) => Object.fromEntries(blocks(file).flatMap((block) => block.lines));
