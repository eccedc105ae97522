// Prints the table of error codes for docs/BROWSER.md: `node scripts/codes.mjs`.

import { internals } from "../test/support/internals.mjs";

const { ALL_CODES, meaning } = internals;
console.log("| code | what | what to do | may work later |\n|---|---|---|---|");
for (const code of ALL_CODES) {
  const { message, remedy, retryable } = meaning(code);
  console.log(`| \`${code}\` | ${message} | ${remedy} | ${retryable ? "yes" : ""} |`);
}
