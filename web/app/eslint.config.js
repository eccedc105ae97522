import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/**", "build/**"] },
  {
    files: ["src/**/*.ts", "src/**/*.tsx", "test/*.ts"],
    extends: [js.configs.recommended, tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: ["./tsconfig.json", "./test/tsconfig.json"], tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: false }],
      "max-lines": ["error", 600],
      eqeqeq: "error",
      "no-console": "error",
      // Text from others becomes markup nowhere: the page's policy would stop it, and this stops it earlier.
      "no-restricted-properties": ["error", ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({ property }))],
      "no-restricted-syntax": ["error", { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "text only" }],
    },
  },
  // An assertion tells the compiler what it has asserted; the next one may still be written like it.
  { files: ["test/*.ts"], rules: { "@typescript-eslint/no-unnecessary-condition": "off" } },
);
