/**
 * What was said, oldest first. It grows upward while one reads, without moving what one reads; it stays at the
 * end while one is there.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ComponentChild } from "preact";
import type { Chat } from "../model/chat.js";
import type { Entry } from "../model/sprag.js";
import type { Talk } from "../model/talk.js";
import { dayName, sameDay } from "../model/words.js";
import { Icon } from "./icons.jsx";
import { EntryView } from "./message.jsx";
import { Uploads } from "./uploads.jsx";

/** This near to the end is at the end. */
const END = 48;
/** This near to the edge of what is loaded, more is loaded. */
const EDGE = 600;
/** Messages of one person within this time stand together. */
const TOGETHER = 5 * 60_000;

/** What keeps its place on the screen while other things come and go. */
interface Anchor { readonly position: string; readonly top: number }

export function Log({ chat, talk }: { chat: Chat; talk: Talk }) {
  const box = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const anchor = useRef<Anchor | undefined>(undefined);
  const atEnd = useRef(true);
  const lastSeen = useRef(-1);
  const [isAway, setAway] = useState(false);
  const isLoaded = talk.isLoaded.value;
  const entries = talk.entries.value;
  const target = talk.target.value;

  const look = () => {
    const shown = box.current;
    if (shown === null || !talk.isLoaded.peek()) return;
    const distance = shown.scrollHeight - shown.scrollTop - shown.clientHeight;
    atEnd.current = distance < END && !talk.hasNewer.peek();
    anchor.current = topmost(shown);
    setAway(distance > shown.clientHeight || talk.hasNewer.peek());
    talk.watch(atEnd.current && isLookedAt());
    if (shown.scrollTop < EDGE) void talk.loadOlder();
    if (distance < EDGE) void talk.loadNewer();
  };

  const settle = () => {
    const shown = box.current;
    if (shown === null) return;
    if (atEnd.current) shown.scrollTop = shown.scrollHeight;
    else restore(shown, anchor.current);
  };

  useLayoutEffect(() => {
    const last = entries.at(-1);
    const since = lastSeen.current;
    lastSeen.current = last?.position ?? -1;
    // One's own words are always shown.
    if (since !== -1 && last?.own === true && last.position > since && !talk.hasNewer.peek()) atEnd.current = true;
    settle();
    look();
  }, [entries]);

  useLayoutEffect(() => {
    if (!isLoaded) return;
    // The first picture: at what is unread, else at the end.
    const line = content.current?.querySelector("[data-divider]");
    if (talk.target.peek() === undefined && line instanceof HTMLElement && box.current !== null) {
      box.current.scrollTop = line.offsetTop - box.current.clientHeight / 3;
      atEnd.current = false;
    } else settle();
    look();
  }, [isLoaded]);

  useEffect(() => {
    if (target === undefined) return;
    const found = content.current?.querySelector(`[data-position="${String(target.position)}"]`);
    if (!(found instanceof HTMLElement)) return;
    atEnd.current = false;
    found.scrollIntoView({ block: "center" });
    if (talk.entries.peek().at(-1)?.position !== target.position) {
      found.classList.add("is-target");
      found.focus({ preventScroll: true });
      setTimeout(() => { found.classList.remove("is-target"); }, 2400);
    }
    look();
  }, [target, isLoaded]);

  useEffect(() => {
    const shown = box.current;
    const inner = content.current;
    if (shown === null || inner === null) return;
    const resized = new ResizeObserver(() => { settle(); });
    resized.observe(shown);
    resized.observe(inner);
    const seen = () => { look(); };
    document.addEventListener("visibilitychange", seen);
    addEventListener("focus", seen);
    addEventListener("blur", seen);
    return () => {
      resized.disconnect();
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("focus", seen);
      removeEventListener("blur", seen);
      talk.watch(false);
    };
  }, []);

  return (
    <div class="log-place">
      <div class="log" ref={box} role="log" aria-label={`Messages with ${talk.with}`} tabIndex={0} onScroll={look}>
        <div class="log-content" ref={content}>
          {isLoaded && <Beginning talk={talk} />}
          <Rows chat={chat} talk={talk} entries={entries} />
          <Uploads chat={chat} with={talk.with} />
        </div>
      </div>
      {isAway && (
        <button type="button" class="to-end" onClick={() => {
          atEnd.current = true;
          void talk.toNewest();
        }}>
          <Icon sign="down" size={18} />To the newest
        </button>
      )}
    </div>
  );
}

/** Whether somebody can see this page now. */
function isLookedAt(): boolean {
  return document.visibilityState === "visible" && document.hasFocus();
}

function topmost(shown: HTMLElement): Anchor | undefined {
  const edge = shown.getBoundingClientRect().top;
  for (const row of shown.querySelectorAll<HTMLElement>("[data-position]")) {
    const { top, bottom } = row.getBoundingClientRect();
    if (bottom > edge) return { position: row.dataset.position ?? "", top: top - edge };
  }
  return undefined;
}

function restore(shown: HTMLElement, anchor: Anchor | undefined): void {
  if (anchor === undefined) return;
  const row = shown.querySelector(`[data-position="${anchor.position}"]`);
  if (row === null) return;
  shown.scrollTop += row.getBoundingClientRect().top - shown.getBoundingClientRect().top - anchor.top;
}

function Beginning({ talk }: { talk: Talk }) {
  if (talk.hasOlder.value) return <p class="older" role="status">Loading what was before</p>;
  const isEmpty = talk.entries.value.length === 0;
  return (
    <div class="beginning">
      <Icon sign="lock" />
      <p>
        {isEmpty ? `Say hello to ${talk.with}. ` : `This is where your conversation with ${talk.with} begins. `}
        Only your devices and theirs can read it.
      </p>
    </div>
  );
}

function Rows({ chat, talk, entries }: { chat: Chat; talk: Talk; entries: readonly Entry[] }) {
  const divider = talk.divider.value;
  const now = new Date();
  const rows: ComponentChild[] = [];
  let before: Entry | undefined;
  let isDivided = divider === undefined;
  for (const entry of entries) {
    if (before === undefined || !sameDay(before.received, entry.received)) {
      rows.push(<p class="day" key={`day ${String(entry.position)}`}><span>{dayName(entry.received, now)}</span></p>);
      before = undefined;
    }
    if (!isDivided && divider !== undefined && entry.position >= divider && !entry.own) {
      isDivided = true;
      rows.push(<p class="divider" key="divider" data-divider><span>New</span></p>);
      before = undefined;
    }
    rows.push(<EntryView key={entry.position} chat={chat} talk={talk} entry={entry} follows={follows(before, entry)} />);
    before = entry;
  }
  return <>{rows}</>;
}

function follows(before: Entry | undefined, entry: Entry): boolean {
  return before?.kind === "message" && before.own === entry.own
    && entry.received.getTime() - before.received.getTime() < TOGETHER;
}
