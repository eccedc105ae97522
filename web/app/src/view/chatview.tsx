/** The chat of somebody who is in: conversations on one side, what is open on the other; on a narrow screen one of them. */
import { useEffect, useState } from "preact/hooks";
import type { Chat } from "../model/chat.js";
import type { Gate } from "../model/gate.js";
import { useNarrow } from "./narrow.js";
import { DevicesView } from "./devicesview.jsx";
import { Help } from "./help.jsx";
import { Logo } from "./icons.jsx";
import { NewView } from "./newview.jsx";
import { Notices } from "./notices.jsx";
import { SettingsView } from "./settingsview.jsx";
import { isMac, useShortcuts } from "./shortcuts.js";
import { Sidebar } from "./sidebar.jsx";
import { TalkView } from "./talkview.jsx";
import { VerifyView } from "./verifyview.jsx";

export function ChatView({ chat, gate }: { chat: Chat; gate: Gate }) {
  const [isHelping, setHelping] = useState(false);
  const place = chat.places.now.value;
  const unread = chat.unread.value;
  // Where there is room for one of them, that one is what the page is about.
  const isListAlone = useNarrow() && place.at === "list";
  useShortcuts(chat, () => { setHelping(true); });
  useEffect(() => {
    // Never a name: titles stay in the browser's history.
    document.title = unread === 0 ? "Sprag" : `(${String(unread)}) Sprag`;
  }, [unread]);
  return (
    <div class={`chat ${place.at === "list" ? "is-list" : "is-page"}`}>
      <Notices chat={chat} />
      <div class="side" role={isListAlone ? "main" : undefined}>
        {isListAlone && <h1 class="unseen">Conversations</h1>}
        <Sidebar chat={chat} onHelp={() => { setHelping(true); }} />
      </div>
      <div class="pane" role={isListAlone ? undefined : "main"}>
        <Pane chat={chat} gate={gate} />
      </div>
      {isHelping && <Help onClose={() => { setHelping(false); }} />}
    </div>
  );
}

function Pane({ chat, gate }: { chat: Chat; gate: Gate }) {
  const place = chat.places.now.value;
  const talk = chat.talk.value;
  const verifying = chat.verifying.value;
  switch (place.at) {
    case "list": return <Nothing chat={chat} />;
    case "talk": return talk === undefined ? null : <TalkView key={talk.with} chat={chat} talk={talk} />;
    case "verify": return verifying === undefined ? null : <VerifyView key={verifying.with} chat={chat} verifying={verifying} />;
    case "new": return <NewView chat={chat} />;
    case "devices": return <DevicesView chat={chat} />;
    case "settings": return <SettingsView chat={chat} gate={gate} />;
  }
}

function Nothing({ chat }: { chat: Chat }) {
  const isEmpty = chat.isLoaded.value && chat.rows.value.length === 0;
  return (
    <div class="nothing">
      <Logo size={56} />
      <h1>{isEmpty ? `Welcome, ${chat.client.account}` : "Choose a conversation"}</h1>
      <p>
        {isEmpty
          ? "Nobody but you and whoever you write to reads what is said here: not the relay, not whoever runs it."
          : "Or begin a new one. What is unread is marked in the list."}
      </p>
      <button type="button" class="button primary" onClick={() => { chat.places.go({ at: "new" }); }}>New conversation</button>
      <p class="hint">Keyboard: <kbd>{isMac ? "⌘" : "Ctrl"}</kbd> <kbd>/</kbd> shows all shortcuts.</p>
    </div>
  );
}
