import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "sdk/src/inline*.js", "sdk/wasm/**", "sdk/test/.built/**"] },
  {
    files: ["sdk/**/*.ts", "sdk/**/*.tsx"],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/explicit-function-return-type": ["error", { allowExpressions: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      eqeqeq: "error",
      "no-console": "error",
    },
  },
  {
    // Types that are compared have a parameter and a name, and are never run.
    files: ["sdk/test/types/**"],
    rules: { "@typescript-eslint/no-unnecessary-type-parameters": "off", "@typescript-eslint/no-unused-vars": "off" },
  },
  {
    files: ["sdk/**/*.mjs", "sdk/**/*.js"],
    extends: [js.configs.recommended],
    languageOptions: { globals: Object.fromEntries(["process", "console", "URL", "Blob", "File", "crypto", "fetch", "setTimeout", "clearTimeout", "Buffer", "structuredClone", "TextEncoder", "TextDecoder", "AbortController", "AbortSignal", "globalThis", "indexedDB", "navigator", "document", "window", "location", "WebAssembly", "performance", "localStorage", "BroadcastChannel", "IDBKeyRange", "setInterval", "clearInterval", "queueMicrotask", "self", "Worker", "client", "CryptoKey", "DOMException"].map((name) => [name, "readonly"])) },
  },
);
