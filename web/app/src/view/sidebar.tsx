/** Conversations, the search over all of them, and the connection. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Chat, Row } from "../model/chat.js";
import { around, type Hit } from "../model/searching.js";
import type { Entry } from "../model/sprag.js";
import { brieflyWhen, connectionWords, plural, stateWord } from "../model/words.js";
import { Icon, IconButton, Logo, Unseen } from "./icons.jsx";
import { Avatar, ProblemBox } from "./parts.jsx";
import { SEARCH_ID } from "./shortcuts.js";
import { StateSign } from "./state.jsx";

export function Sidebar({ chat, onHelp }: { chat: Chat; onHelp: () => void }) {
  const words = chat.searching.words.value;
  return (
    <nav class="sidebar" aria-label="Conversations">
      <header class="sidebar-head">
        <Logo size={28} />
        <p class="who" title={chat.client.relay}>{chat.client.account}</p>
        <IconButton sign="plus" label="New conversation" onClick={() => { chat.places.go({ at: "new" }); }} />
      </header>
      <SearchField chat={chat} />
      {words.trim() === "" ? <List chat={chat} rows={chat.rows.value} /> : <Results chat={chat} words={words} />}
      <footer class="sidebar-foot">
        <ConnectionLine chat={chat} />
        <IconButton sign="device" label="Devices" onClick={() => { chat.places.go({ at: "devices" }); }} />
        <IconButton sign="settings" label="Settings" onClick={() => { chat.places.go({ at: "settings" }); }} />
        <button type="button" class="icon-button" aria-label="Keyboard shortcuts" title="Keyboard shortcuts" onClick={onHelp}>
          <span aria-hidden="true">?</span>
        </button>
      </footer>
    </nav>
  );
}

function SearchField({ chat }: { chat: Chat }) {
  const input = useRef<HTMLInputElement>(null);
  const words = chat.searching.words.value;
  const clear = () => {
    void chat.searching.search("");
    input.current?.focus();
  };
  return (
    <search class="search">
      <Icon sign="search" size={18} />
      <input id={SEARCH_ID} ref={input} type="search" placeholder="Search" aria-label="Search conversations and messages" value={words}
        autocomplete="off" spellcheck={false}
        onInput={(event) => { void chat.searching.search(event.currentTarget.value); }}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          if (words === "") event.currentTarget.blur();
          else clear();
        }} />
      {words !== "" && <IconButton sign="close" label="Clear the search" class="small" onClick={clear} />}
    </search>
  );
}

function List({ chat, rows }: { chat: Chat; rows: readonly Row[] }) {
  if (rows.length === 0) {
    return (
      <div class="list-empty">
        {chat.isLoaded.value && (
          <>
            <p><strong>No conversations yet</strong></p>
            <p>Write to somebody by their name.</p>
            <button type="button" class="button primary" onClick={() => { chat.places.go({ at: "new" }); }}>New conversation</button>
          </>
        )}
      </div>
    );
  }
  return (
    <ul class="list">
      {rows.map((row) => <li key={row.conversation.with}><RowButton chat={chat} row={row} /></li>)}
    </ul>
  );
}

function RowButton({ chat, row: { conversation, last } }: { chat: Chat; row: Row }) {
  const place = chat.places.now.value;
  const { with: user, unread, trust } = conversation;
  const isOpen = "with" in place && place.with === user;
  const draft = isOpen ? "" : chat.drafts.of(user);
  return (
    <button type="button" class={`row ${unread > 0 ? "is-unread" : ""}`} aria-current={isOpen ? "page" : undefined}
      onClick={() => { chat.show(user); }}>
      <Avatar name={user} />
      <span class="row-top">
        <span class="row-name">{user}</span>
        {trust.state === "verified" && <span class="trust-verified"><Icon sign="verified" size={16} /><Unseen>, verified</Unseen></span>}
        <time class="row-time" dateTime={conversation.active.toISOString()}>{brieflyWhen(conversation.active, new Date())}</time>
      </span>
      <span class="row-bottom">
        <span class="row-last">
          {trust.state === "key-changed"
            ? <span class="is-bad">Key changed</span>
            : draft !== "" ? <><span class="is-draft">Draft:</span> {draft}</> : <Brief entry={last} />}
        </span>
        {unread > 0 && <span class="count">{unread > 999 ? "999+" : unread}<Unseen>{` unread ${unread === 1 ? "message" : "messages"}`}</Unseen></span>}
      </span>
    </button>
  );
}

/** An entry in a few words. */
function Brief({ entry }: { entry: Entry | undefined }) {
  if (entry === undefined) return <>Nothing said yet</>;
  if (entry.kind === "key-changed") return <>New key accepted</>;
  const text = entry.text !== "" ? entry.text : (entry.file?.name ?? "");
  return (
    <>
      {entry.own && entry.state !== undefined && <><StateSign state={entry.state} size={16} /><Unseen>{stateWord(entry.state)}: </Unseen></>}
      {entry.file !== undefined && <Icon sign="file" size={16} />}
      {text}
    </>
  );
}

function Results({ chat, words }: { chat: Chat; words: string }) {
  const { hits, isSearching, problem } = chat.searching;
  const wanted = words.trim().toLowerCase();
  const people = chat.rows.value.filter(({ conversation }) => conversation.with.includes(wanted));
  const found = hits.value.length;
  const said = isSearching.value ? "Searching" : `${plural(found, "message", "messages")} found`;
  return (
    <div class="results">
      <p role="status" class="unseen">{said}</p>
      <ProblemBox problem={problem.value} />
      {people.length > 0 && <h2 class="results-head">Conversations</h2>}
      {people.length > 0 && <List chat={chat} rows={people} />}
      <h2 class="results-head">Messages</h2>
      {found === 0 && <p class="list-empty">{isSearching.value ? "Searching" : "No message has these words."}</p>}
      <ul class="list">
        {hits.value.map((hit) => <li key={`${hit.with} ${String(hit.entry.position)}`}><HitButton chat={chat} hit={hit} words={words} /></li>)}
      </ul>
    </div>
  );
}

function HitButton({ chat, hit, words }: { chat: Chat; hit: Hit; words: string }) {
  const { entry } = hit;
  const text = around([entry.text, entry.file?.name ?? ""].filter((part) => part !== "").join(" · "), words);
  return (
    <button type="button" class="row" onClick={() => { chat.show(hit.with, entry.position); }}>
      <Avatar name={hit.with} />
      <span class="row-top">
        <span class="row-name">{hit.with}</span>
        <time class="row-time" dateTime={entry.received.toISOString()}>{brieflyWhen(entry.received, new Date())}</time>
      </span>
      <span class="row-bottom is-hit">
        <span class="row-last">{entry.own && "You: "}{text.before}<mark>{text.hit}</mark>{text.after}</span>
      </span>
    </button>
  );
}

function ConnectionLine({ chat }: { chat: Chat }) {
  const connection = chat.connection.value;
  const waiting = chat.waiting.value;
  const [now, setNow] = useState(() => Date.now());
  const isWaiting = connection.state === "waiting";
  useEffect(() => {
    if (!isWaiting) return;
    setNow(Date.now());
    const timer = setInterval(() => { setNow(Date.now()); }, 1000);
    return () => { clearInterval(timer); };
  }, [connection]);
  const { tone, short, long } = connectionWords(connection, now);
  const canRetry = connection.state === "waiting" || connection.state === "ended";
  return (
    <div class="connection">
      <p class={`connection-line is-${tone}`} title={long}>
        <span class="dot" aria-hidden="true" />
        <span role="status">{short}</span>
        {waiting > 0 && <span class="connection-waiting">{`${String(waiting)} to send`}</span>}
      </p>
      {canRetry && (
        <>
          <p class="connection-why">{long}</p>
          <button type="button" class="link" onClick={() => { chat.client.reconnect(); }}>Connect now</button>
        </>
      )}
    </div>
  );
}
