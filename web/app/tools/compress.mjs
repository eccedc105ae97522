// Writes the compressed forms of what was built beside it: the relay serves them as they are.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const kinds = /\.(css|html|js|json|svg|wasm|webmanifest)$/;
let plain = 0;
let smallest = 0;

for (const entry of await readdir(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !kinds.test(entry.name)) continue;
  const path = join(entry.parentPath, entry.name);
  const bytes = await readFile(path);
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  const gzip = gzipSync(bytes, { level: 9 });
  // What hardly shrinks is served as it is.
  if (brotli.length < bytes.length * 0.95) await writeFile(`${path}.br`, brotli);
  if (gzip.length < bytes.length * 0.95) await writeFile(`${path}.gz`, gzip);
  plain += bytes.length;
  smallest += Math.min(bytes.length, brotli.length);
}
console.log(`${String(plain)} bytes, ${String(smallest)} compressed`);
