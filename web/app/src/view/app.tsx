/** The whole page: the way in, then the chat. */
import { useEffect, useState } from "preact/hooks";
import { draftKeeper } from "../keep/drafts.js";
import { Chat } from "../model/chat.js";
import type { Gate } from "../model/gate.js";
import type { Steps } from "../model/place.js";
import type { Client } from "../model/sprag.js";
import { ChatView } from "./chatview.jsx";
import { Entry } from "./entry.jsx";

export function App({ gate, steps }: { gate: Gate; steps: Steps }) {
  const screen = gate.screen.value;
  return screen.at === "open"
    ? <Inside key="inside" client={screen.client} gate={gate} steps={steps} />
    : <Entry gate={gate} />;
}

function Inside({ client, gate, steps }: { client: Client; gate: Gate; steps: Steps }) {
  const [chat, setChat] = useState<Chat | undefined>(undefined);
  useEffect(() => {
    const keeper = draftKeeper(async () => (await client.protection()).passphrase);
    const made = new Chat(client, steps, keeper, () => { void gate.left(); });
    setChat(made);
    void made.start();
    return () => { made.stop(); };
  }, [client]);
  return chat === undefined ? null : <ChatView chat={chat} gate={gate} />;
}
