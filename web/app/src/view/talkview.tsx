/** An open conversation: who it is with, what was said, and the field to say something. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "../model/chat.js";
import type { Talk } from "../model/talk.js";
import { Composer } from "./composer.jsx";
import { Icon, IconButton } from "./icons.jsx";
import { Log } from "./log.jsx";
import { Avatar, Box, Confirm, TrustBadge } from "./parts.jsx";

export function TalkView({ chat, talk }: { chat: Chat; talk: Talk }) {
  const [isOver, setOver] = useState(false);
  const depth = useRef(0);
  const send = (files: Iterable<File>) => {
    for (const file of files) void chat.transfers.send(talk.with, file, "");
  };
  const carriesFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") === true;
  return (
    <section class={`talk ${isOver ? "is-over" : ""}`} aria-label={`Conversation with ${talk.with}`}
      onDragEnter={(event) => {
        if (!carriesFiles(event)) return;
        depth.current += 1;
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!carriesFiles(event)) return;
        depth.current -= 1;
        if (depth.current <= 0) setOver(false);
      }}
      onDragOver={(event) => { if (carriesFiles(event)) event.preventDefault(); }}
      onDrop={(event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        depth.current = 0;
        setOver(false);
        send(event.dataTransfer?.files ?? []);
      }}>
      <Head chat={chat} talk={talk} />
      <Changed chat={chat} talk={talk} />
      <Log chat={chat} talk={talk} />
      <Composer chat={chat} talk={talk} onFiles={send} />
      {isOver && <div class="drop" aria-hidden="true"><p><Icon sign="attach" />Drop to send to {talk.with}</p></div>}
    </section>
  );
}

function Head({ chat, talk }: { chat: Chat; talk: Talk }) {
  const trust = talk.peer.value?.trust ?? talk.conversation.value?.trust;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Where a field would bring up a keyboard on the glass, the name has the focus.
    if (!matchMedia("(pointer: fine)").matches) heading.current?.focus();
  }, []);
  return (
    <header class="talk-head">
      <IconButton sign="back" label="Back to the conversations" class="only-narrow" onClick={() => { chat.places.back(); }} />
      <Avatar name={talk.with} size="s" />
      <h1 ref={heading} tabIndex={-1}>{talk.with}</h1>
      <button type="button" class="verify-button" onClick={() => { chat.places.go({ at: "verify", with: talk.with }); }}>
        {trust === undefined ? "Verify" : <TrustBadge trust={trust} />}
        <span class="unseen">: verify {talk.with}</span>
      </button>
    </header>
  );
}

/** The relay offers another key: what that is, and what to do. */
function Changed({ chat, talk }: { chat: Chat; talk: Talk }) {
  const [isAsking, setAsking] = useState(false);
  const trust = talk.peer.value?.trust ?? talk.conversation.value?.trust;
  if (trust?.state !== "key-changed") return null;
  const user = talk.with;
  const accept = () => {
    setAsking(false);
    void talk.acceptKey();
  };
  return (
    <div class="changed" role="alert">
      <Box tone={trust.wasVerified ? "bad" : "caution"} sign="warning">
        <p>
          <strong>{user}’s key has changed.</strong>{" "}
          {trust.wasVerified ? `You had verified ${user}, so nothing is sent until you have compared again. ` : "What you write waits until you decide. "}
          Most often somebody has set up a new phone or browser. It can also be somebody in between.
        </p>
        <div class="actions is-start">
          <button type="button" class="button small primary" onClick={() => { chat.places.go({ at: "verify", with: user }); }}>Compare safety numbers</button>
          {!trust.wasVerified && <button type="button" class="button small" onClick={() => { setAsking(true); }}>Accept the new key</button>}
        </div>
      </Box>
      {isAsking && (
        <Confirm title={`Accept ${user}’s new key?`} action="Accept" tone="primary" onCancel={() => { setAsking(false); }} onConfirm={accept}>
          <p>What waits is sent under it. Only the safety number tells whether it is really theirs; you can still compare afterwards.</p>
        </Confirm>
      )}
    </div>
  );
}
