/** Keys that work everywhere in the chat. All have a modifier, so that none is in the way of writing. */
import { useEffect } from "preact/hooks";
import type { Chat } from "../model/chat.js";
import { NARROW } from "./narrow.js";

export const isMac = /mac|iphone|ipad/i.test(navigator.platform);

/** What is shown in the list of them. */
export const SHORTCUTS: readonly { keys: readonly string[]; what: string }[] = [
  { keys: [isMac ? "⌘" : "Ctrl", "K"], what: "Search" },
  { keys: ["Alt", "↓"], what: "Next conversation" },
  { keys: ["Alt", "↑"], what: "Conversation before" },
  { keys: ["Alt", "N"], what: "New conversation" },
  { keys: ["Alt", "V"], what: "Verify whom you write with" },
  { keys: ["Alt", "L"], what: "Devices" },
  { keys: ["Alt", "S"], what: "Settings" },
  { keys: ["Esc"], what: "Back" },
  { keys: ["Enter"], what: "Send" },
  { keys: ["Shift", "Enter"], what: "A new line" },
  { keys: [isMac ? "⌘" : "Ctrl", "/"], what: "This list" },
];

export const SEARCH_ID = "search";
export const COMPOSER_ID = "composer";

export function useShortcuts(chat: Chat, help: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]") !== null) return;
      if (act(chat, help, event)) event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => { removeEventListener("keydown", press); };
  }, [chat]);
}

/** Whether the key was one of these. */
function act(chat: Chat, help: () => void, event: KeyboardEvent): boolean {
  const { altKey: alt, shiftKey: shift } = event;
  const command = isMac ? event.metaKey : event.ctrlKey;
  if (command && !alt && !shift && event.code === "KeyK") {
    const focus = () => { document.getElementById(SEARCH_ID)?.focus(); };
    if (matchMedia(NARROW).matches && chat.places.now.value.at !== "list") {
      chat.places.go({ at: "list" });
      // The field is drawn first.
      requestAnimationFrame(focus);
    } else focus();
    return true;
  }
  if (command && !alt && event.key === "/") {
    help();
    return true;
  }
  if (event.key === "Escape" && !alt && !command && !shift) return escape(chat, event);
  if (alt && !command && !shift) return withAlt(chat, event.code);
  return false;
}

function withAlt(chat: Chat, code: string): boolean {
  const place = chat.places.now.value;
  switch (code) {
    case "ArrowDown": chat.step(1); return true;
    case "ArrowUp": chat.step(-1); return true;
    case "KeyN": chat.places.go({ at: "new" }); return true;
    case "KeyL": chat.places.go({ at: "devices" }); return true;
    case "KeyS": chat.places.go({ at: "settings" }); return true;
    case "KeyV":
      if ("with" in place) chat.places.go({ at: "verify", with: place.with });
      return "with" in place;
    default: return false;
  }
}

function escape(chat: Chat, event: KeyboardEvent): boolean {
  if (event.target instanceof HTMLElement && event.target.id === SEARCH_ID) return false;
  if (chat.places.now.value.at === "list") return false;
  chat.places.back();
  return true;
}
