/** Signs, drawn on a grid of 20. They say nothing by themselves: a word stands beside or behind each. */
import type { ComponentChildren } from "preact";

const SIGNS = {
  attach: "M15.5 9.5 9.9 15a3.5 3.5 0 0 1-5-5l6.3-6.2a2.3 2.3 0 0 1 3.3 3.3L8.3 13.3a1.1 1.1 0 0 1-1.6-1.6l5.3-5.2",
  back: "M12.5 4.5 7 10l5.5 5.5",
  camera: "M3.5 7.5A1.5 1.5 0 0 1 5 6h1.8l1.1-1.7h4.2L13.2 6H15a1.5 1.5 0 0 1 1.5 1.5v6.5a1.5 1.5 0 0 1-1.5 1.5H5A1.5 1.5 0 0 1 3.5 14zM10 13a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.2l2.6 1.6",
  close: "M5 5l10 10M15 5 5 15",
  copy: "M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3",
  device: "M4 4.5h12v8.5H4zM2.5 16h15",
  down: "M10 4v11M5.5 10.5 10 15l4.5-4.5",
  file: "M5.5 3h6l3 3v11h-9zM11.5 3v3.5h3",
  key: "M12.5 11.5a4 4 0 1 0-4-4c0 .4.1.800.2 1.2L3.5 14v2.5H6V15h1.5v-1.5H9l1.3-1.3c.7.2 1.4.3 2.2.3zM13.5 6.5h0",
  image: "M3.5 4.5h13v11h-13zM3.5 13l4-4 3.5 3.5 2-2 3.5 3.5M12.8 7.8h0",
  lock: "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9",
  plus: "M10 4v12M4 10h12",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4",
  send: "M3.5 10 16.5 4l-4 12.5-3-5zM9.5 11.5l7-7.5",
  settings: "M3.5 6h7M14.5 6h2M3.5 14h2M9.5 14h7M12.5 4v4M7.5 12v4",
  shield: "M10 2.8 4 5v4.5c0 3.7 2.5 6.3 6 7.7 3.5-1.4 6-4 6-7.7V5z",
  verified: "M10 2.8 4 5v4.5c0 3.7 2.5 6.3 6 7.7 3.5-1.4 6-4 6-7.7V5zM7.3 9.8l2 2 3.5-3.8",
  warning: "M10 3.5 2.8 16h14.4zM10 8v4M10 14h0",
  trash: "M4 6h12M8 6V4h4v2M5.5 6l.7 10.5h7.6L14.5 6M8.5 9v5M11.5 9v5",
  // How far a message has come; each has a shape of its own.
  queued: "M10 16a6 6 0 1 0 0-12 6 6 0 0 0 0 12zM10 7v3.3l2 1.2",
  sending: "M10 15.5v-11M5.5 9 10 4.5 14.5 9",
  sent: "M4.5 10.5l3.7 3.7 7.5-8.2",
  delivered: "M1.5 10.5l3.7 3.7 7.5-8.2M9.2 13.2l1 1 7.5-8.2",
  failed: "M10 16.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM10 6.5v4M10 13.3h0",
} as const;

export type Sign = keyof typeof SIGNS;

export function Icon({ sign, size = 20 }: { sign: Sign; size?: number }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" focusable="false">
      <path d={SIGNS[sign]} />
    </svg>
  );
}

/** Read: both ticks on a filled ground, so that the shape differs from delivered also without colour. */
export function ReadIcon({ size = 20 }: { size?: number }) {
  return (
    <svg class="icon icon-read" viewBox="0 0 20 20" width={size} height={size} aria-hidden="true" focusable="false">
      <rect x="0.5" y="3" width="19" height="14" rx="7" class="icon-ground" />
      <path d="M4.2 10.3l2.5 2.5 4.6-5M9.7 12.3l.5.5 5.1-5.5" class="icon-over" />
    </svg>
  );
}

export function Logo({ size = 40 }: { size?: number }) {
  return (
    <svg class="logo" viewBox="0 0 64 64" width={size} height={size} aria-hidden="true" focusable="false">
      <rect width="64" height="64" rx="15" class="logo-ground" />
      <path d="M45.5 20.5C42.6 16 37.7 13 32 13c-8.3 0-15 5.2-15 11.8C17 39 47 29 47 42.2 47 47.6 40.3 52 32 52c-6.4 0-11.8-2.8-14.6-7.2" class="logo-line" />
    </svg>
  );
}

/** A button that shows a sign alone; its name is for those who do not see it, and as a tip. */
export function IconButton({ sign, label, onClick, class: extra = "", disabled = false, pressed, controls }: {
  sign: Sign;
  label: string;
  onClick: () => void;
  class?: string;
  disabled?: boolean;
  pressed?: boolean;
  controls?: string;
}) {
  return (
    <button type="button" class={`icon-button ${extra}`} aria-label={label} title={label} disabled={disabled}
      aria-pressed={pressed} aria-controls={controls} onClick={onClick}>
      <Icon sign={sign} />
    </button>
  );
}

/** Words for those who do not see the picture. */
export function Unseen({ children }: { children: ComponentChildren }) {
  return <span class="unseen">{children}</span>;
}
