/** One entry of a conversation. */
import { useEffect, useState } from "preact/hooks";
import { saveFile } from "../keep/save.js";
import type { Chat } from "../model/chat.js";
import type { Attachment, Entry, MessageEntry } from "../model/sprag.js";
import type { Talk } from "../model/talk.js";
import { clock, failureWords, size, wholeTime } from "../model/words.js";
import { Icon } from "./icons.jsx";
import { StateLine } from "./state.jsx";
import { Text } from "./text.jsx";

/** Pictures that are shown; what else there is could be more than a picture. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"]);

export function EntryView({ chat, talk, entry, follows }: { chat: Chat; talk: Talk; entry: Entry; follows: boolean }) {
  if (entry.kind === "key-changed") {
    return (
      <p class="event" data-position={entry.position} tabIndex={-1}>
        <Icon sign="key" size={16} />You accepted {talk.with}’s new key, {clock(entry.received)}
      </p>
    );
  }
  const who = entry.own ? "You" : entry.from;
  return (
    <div class={`message ${entry.own ? "is-own" : "is-other"} ${follows ? "is-following" : ""} ${entry.state === "failed" ? "is-failed" : ""}`}
      data-position={entry.position} tabIndex={-1}>
      <div class="bubble">
        <span class="unseen">{who}: </span>
        {entry.file !== undefined && <FileView chat={chat} file={entry.file} />}
        {entry.text !== "" && <Text text={entry.text} />}
        <p class="meta">
          <time dateTime={entry.written.toISOString()} title={wholeTime(entry.written)}>{clock(entry.received)}</time>
          {entry.own && entry.state !== undefined && <StateLine state={entry.state} />}
        </p>
      </div>
      {entry.state === "failed" && <Failed talk={talk} entry={entry} />}
    </div>
  );
}

function Failed({ talk, entry }: { talk: Talk; entry: MessageEntry }) {
  return (
    <p class="failed">
      {failureWords(entry.failure)}{" "}
      <button type="button" class="link" onClick={() => { void talk.retry(entry.id); }}>Try again</button>
    </p>
  );
}

function FileView({ chat, file }: { chat: Chat; file: Attachment }) {
  const download = chat.transfers.downloads.value.get(file.reference);
  const isPicture = PICTURES.has(file.mediaType);
  const save = () => {
    void chat.transfers.fetch(file).then((blob) => {
      if (blob !== undefined) saveFile(blob, file.name);
    });
  };
  return (
    <div class="file">
      {isPicture && download?.at === "done" && <Picture blob={download.blob} file={file} />}
      <div class="file-line">
        <span class="file-sign"><Icon sign={isPicture ? "image" : "file"} /></span>
        <span class="file-words">
          <span class="file-name">{file.name}</span>
          <span class="file-size">
            {download?.at === "going" ? `${size(download.done)} of ${size(download.total)}` : size(file.length)}
          </span>
        </span>
        {download?.at === "going"
          ? <button type="button" class="button small" onClick={() => { chat.transfers.stopFetching(file.reference); }}>Cancel</button>
          : (
            <span class="file-buttons">
              {isPicture && download?.at !== "done" && (
                <button type="button" class="button small" onClick={() => { void chat.transfers.fetch(file); }}>Show<span class="unseen"> {file.name}</span></button>
              )}
              <button type="button" class="button small" onClick={save}>Save<span class="unseen"> {file.name}</span></button>
            </span>
          )}
      </div>
      {download?.at === "going" && <progress max={1} value={download.total === 0 ? 0 : download.done / download.total} aria-label={`Fetching ${file.name}`} />}
      {download?.at === "failed" && <p class="file-problem" role="alert">{download.problem.text} {download.problem.remedy}</p>}
    </div>
  );
}

function Picture({ blob, file }: { blob: Blob; file: Attachment }) {
  const [url, setUrl] = useState<string | undefined>(undefined);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([blob], { type: file.mediaType }));
    setUrl(made);
    return () => { URL.revokeObjectURL(made); };
  }, [blob]);
  return url === undefined ? null : <img class="picture" src={url} alt={file.name} />;
}
