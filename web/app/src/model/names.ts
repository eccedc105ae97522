/** Names as people type them. */

/** What is typed as a name, as the relay writes it. */
export function normalName(typed: string): string {
  return typed.trim().replace(/^@/, "").toLowerCase();
}
