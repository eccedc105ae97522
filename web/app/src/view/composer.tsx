/** The field to say something: it grows, keeps a draft, takes files. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Chat } from "../model/chat.js";
import type { Talk } from "../model/talk.js";
import { Icon, IconButton } from "./icons.jsx";
import { ProblemBox } from "./parts.jsx";
import { COMPOSER_ID } from "./shortcuts.js";

/** The most that a text may have, in bytes. */
const MOST = 60_000;
const encoder = new TextEncoder();

export function Composer({ chat, talk, onFiles }: { chat: Chat; talk: Talk; onFiles: (files: Iterable<File>) => void }) {
  const area = useRef<HTMLTextAreaElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const text = chat.drafts.of(talk.with);
  const trust = talk.peer.value?.trust;
  const isBlocked = trust?.state === "key-changed" && trust.wasVerified;
  // Cheap where it is short: a letter takes four bytes at most.
  const bytes = text.length * 4 > MOST ? encoder.encode(text).length : 0;
  const isTooLong = bytes > MOST;

  useLayoutEffect(() => {
    const field = area.current;
    if (field === null) return;
    field.style.height = "auto";
    field.style.height = `${String(field.scrollHeight)}px`;
  }, [text]);
  useEffect(() => {
    if (matchMedia("(pointer: fine)").matches) area.current?.focus();
  }, []);

  if (isBlocked) return <p class="blocked"><Icon sign="lock" size={16} />Nothing is sent to {talk.with} until you have compared safety numbers.</p>;
  const send = () => {
    if (text.trim() === "" || isTooLong) return;
    void talk.send(text);
    area.current?.focus();
  };
  return (
    <div class="composer-place">
      <ProblemBox problem={talk.problem.value} />
      <form class="composer" onSubmit={(event) => {
        event.preventDefault();
        send();
      }}>
        <IconButton sign="attach" label="Attach a file" onClick={() => { files.current?.click(); }} />
        <input ref={files} type="file" multiple class="unseen" tabIndex={-1} aria-label="Files to send"
          onChange={(event) => {
            onFiles(Array.from(event.currentTarget.files ?? []));
            event.currentTarget.value = "";
          }} />
        <textarea id={COMPOSER_ID} ref={area} rows={1} value={text} placeholder="Message" aria-label={`Message to ${talk.with}`}
          aria-invalid={isTooLong} enterkeyhint="send" dir="auto"
          onInput={(event) => { chat.drafts.set(talk.with, event.currentTarget.value); }}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.altKey || event.isComposing) return;
            // Where there is no real keyboard, Enter is for lines and the button for sending.
            if (!matchMedia("(pointer: fine)").matches) return;
            event.preventDefault();
            send();
          }}
          onPaste={(event) => {
            const pasted = Array.from(event.clipboardData?.files ?? []);
            if (pasted.length === 0) return;
            event.preventDefault();
            onFiles(pasted);
          }} />
        <button type="submit" class="send" aria-label="Send" title="Send" disabled={text.trim() === "" || isTooLong}>
          <Icon sign="send" />
        </button>
      </form>
      {bytes > MOST * 0.9 && (
        <p role="status" class={`length ${isTooLong ? "is-bad" : ""}`}>
          {isTooLong ? `${(bytes - MOST).toLocaleString("en")} bytes too long: send it as a file.` : `${(MOST - bytes).toLocaleString("en")} bytes left`}
        </p>
      )}
    </div>
  );
}
