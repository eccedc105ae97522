import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** The pages: the chat, and the walkthrough. */
const pages = ["index.html", "learn/index.html"].map(at).filter((page) => existsSync(page));

// The policy of the page allows files of its own origin and nothing else: no inlined script, style or
// picture may come out of this.
export default defineConfig({
  root: at("."),
  base: "/",
  build: {
    target: "es2022",
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
    emptyOutDir: true,
    rolldownOptions: { input: pages },
  },
  server: { strictPort: true, port: 7480, proxy: { "/v1": { target: "http://127.0.0.1:7474", ws: true } } },
});
