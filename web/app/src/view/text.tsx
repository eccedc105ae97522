/**
 * Text from others. It is only ever text: lines as they were written, and addresses on the web made into links
 * that show where they lead. What would turn the direction of writing around is taken out.
 */
import type { ComponentChild } from "preact";

/** Marks that change the direction of what follows, beyond the text they stand in. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/gu;
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+/giu;

export function plain(text: string): string {
  return text.replace(TURNING, "");
}

/** An address without what only ends the sentence that it stands in. */
function trimmed(address: string): string {
  let end = address.length;
  while (end > 0 && /[.,;:!?)\]}]/.test(address.charAt(end - 1))) {
    const closing = address.charAt(end - 1);
    if (closing === ")" && address.slice(0, end).split("(").length > address.slice(0, end).split(")").length - 1) break;
    end -= 1;
  }
  return address.slice(0, end);
}

export function Text({ text }: { text: string }) {
  const clean = plain(text);
  const parts: ComponentChild[] = [];
  let at = 0;
  for (const match of clean.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    if (!URL.canParse(address)) continue;
    parts.push(clean.slice(at, match.index));
    parts.push(<a href={address} target="_blank" rel="noopener noreferrer" key={match.index}>{address}</a>);
    at = match.index + address.length;
  }
  parts.push(clean.slice(at));
  return <p class="text" dir="auto">{parts}</p>;
}
