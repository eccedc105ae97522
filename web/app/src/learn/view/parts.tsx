/** Small things that many parts of the page have. */
import type { ComponentChildren } from "preact";
import type { Status } from "../keys.js";

/** Bytes in full, in groups that an eye can follow; copied, they are one piece. */
export function Hex({ value, of }: { value: string; of?: string }) {
  return (
    <code class="hex" data-hex={of ?? ""}>
      {(value.match(/.{1,8}/g) ?? []).map((group, index) => <span key={index}>{group}</span>)}
    </code>
  );
}

/** The first eight bytes. */
export function ShortHex({ value }: { value: string }) {
  return <code class="hex is-short" data-short={value.length}>{value.length > 16 ? `${value.slice(0, 16)}…` : value}</code>;
}

const STATUS: Record<Status, { word: string; path: string; filled: boolean }> = {
  none: { word: "does not have it", path: "M6 7.2a1.2 1.2 0 1 0 0-2.4 1.2 1.2 0 0 0 0 2.4z", filled: true },
  held: { word: "holds it", path: "M6 10.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9z", filled: true },
  kept: { word: "keeps it for a late message", path: "M1.500 1.500h9v9h-9z", filled: true },
  erased: { word: "has erased it", path: "M6 10.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM2.800 9.200l6.400-6.400", filled: false },
};

export function statusWord(status: Status): string {
  return STATUS[status].word;
}

/** Where somebody stands with a key: a disc, a square, a crossed circle, a dot. A word says the same elsewhere. */
export function Mark({ status }: { status: Status }) {
  const { path, filled } = STATUS[status];
  return (
    <svg class={`mark mark-${status} ${filled ? "is-filled" : ""}`} viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}

/** An open or a closed padlock: what the thief reads, and what he does not. */
export function Padlock({ open }: { open: boolean }) {
  return (
    <svg class="padlock" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" focusable="false">
      <path d={open ? "M4.500 9.500h11v7.500h-11zM7 9.500V6a3 3 0 0 1 5.800-1" : "M4.500 9.500h11v7.500h-11zM7 9.500V6.500a3 3 0 0 1 6 0v3"} />
    </svg>
  );
}

export function Panel({ title, id, side, children }: {
  title: string;
  id: string;
  side?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class={`panel panel-${id}`} aria-labelledby={`${id}-title`}>
      <div class="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {side}
      </div>
      {children}
    </section>
  );
}
