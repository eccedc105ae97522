/** Files that are on their way and are no messages yet. */
import type { Chat } from "../model/chat.js";
import type { Upload } from "../model/transfers.js";
import { size } from "../model/words.js";
import { Icon } from "./icons.jsx";

export function Uploads({ chat, with: user }: { chat: Chat; with: string }) {
  const uploads = chat.transfers.uploads.value.filter((upload) => upload.with === user);
  return <>{uploads.map((upload) => <UploadView key={upload.key} chat={chat} upload={upload} />)}</>;
}

function UploadView({ chat, upload }: { chat: Chat; upload: Upload }) {
  const { problem } = upload;
  const part = upload.length === 0 ? 0 : upload.done / upload.length;
  return (
    <div class={`message is-own ${problem === undefined ? "" : "is-failed"}`}>
      <div class="bubble">
        <div class="file">
          <div class="file-line">
            <span class="file-sign"><Icon sign="file" /></span>
            <span class="file-words">
              <span class="file-name">{upload.name}</span>
              <span class="file-size">
                {problem === undefined ? `${size(upload.done)} of ${size(upload.length)}` : size(upload.length)}
              </span>
            </span>
            <button type="button" class="button small" onClick={() => { chat.transfers.drop(upload.key); }}>
              {problem === undefined ? "Cancel" : "Remove"}<span class="unseen"> {upload.name}</span>
            </button>
          </div>
          {problem === undefined && <progress max={1} value={part} aria-label={`Sending ${upload.name}`} />}
        </div>
      </div>
      {problem !== undefined && (
        <p class="failed" role="alert">
          {problem.text} {problem.remedy}{" "}
          {problem.code !== "file-length" && (
            <button type="button" class="link" onClick={() => { void chat.transfers.again(upload.key); }}>Try again</button>
          )}
        </p>
      )}
    </div>
  );
}
