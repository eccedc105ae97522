/** What a person should know, above whatever is open, until it is put away. */
import type { Chat } from "../model/chat.js";
import { IconButton, Icon } from "./icons.jsx";

export function Notices({ chat }: { chat: Chat }) {
  const notices = chat.notices.value;
  return (
    <div role="status" class="notices">
      {notices.map((notice) => (
        <div key={notice.key} class={`notice notice-${notice.tone}`}>
          <Icon sign={notice.tone === "info" ? "clock" : "warning"} />
          <p><strong>{notice.title}.</strong> {notice.text}</p>
          <IconButton sign="close" label={`Dismiss: ${notice.title}`} onClick={() => { chat.putAway(notice.key); }} />
        </div>
      ))}
    </div>
  );
}
