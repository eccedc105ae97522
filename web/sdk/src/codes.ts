/**
 * The closed set of error codes: what went wrong, what to do, and whether the same may work later. Lower case: shared with the
 * Rust SDK, the command line and the relay. Upper case: of JavaScript's surroundings only.
 */

/** What went wrong, what to do, whether trying again may help by itself. */
type Row = readonly [message: string, remedy: string, retryable?: true];

const STORE = {
  "in-use": ["something else has this profile open", "close it there, or use another profile", true],
  "disk-full": ["there is no room left to store anything; nothing was changed", "make room on the disk or in the browser's storage, then try again", true],
  "store-io": ["the storage does not answer as it should", "close other tabs of this page, start the browser again, check the disk"],
  "store-damaged": ["what is stored was altered or cut off", "restore a backup into a new profile, or link this device anew"],
  "store-foreign": ["there is something else in this place", "choose another file or another name"],
  "store-newer": ["a newer version wrote this profile", "load the page again, or update the package"],
  "wrong-key": ["the passphrase or key is not the right one", "try again; a lost passphrase cannot be recovered, only a backup or another device can"],
  "other-lock": ["this opens in another way", "give what it was locked with"],
  "too-large": ["this is too long to be stored or sent", "send less at once"],
  "too-costly": ["opening this would take more memory or time than is allowed", "use a passphrase with a lower cost"],
  "key-exposed": ["others may read the key file", "let only its owner read it (chmod 600)"],
  "no-profile": ["there is no profile here", "register, link this device, or restore a backup"],
  "profile-exists": ["there is a profile here already", "choose another name, or forget that one"],
  "profile-damaged": ["the profile has records that make no sense together", "restore a backup into a new profile, or link this device anew"],
  "other-account": ["this profile belongs to another account", "choose another profile"],
  "other-relay": ["this profile belongs to another relay", "choose another profile"],
  registered: ["this profile has an account already", "open it, or choose another profile"],
} as const satisfies Record<string, Row>;

const ARGUMENTS = {
  "bad-name": ["an account name is 1 to 64 of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit", "choose such a name"],
  "bad-origin": ["a relay's address is http:// or https://, its name, and a port where it is not 80 or 443", "write it like https://chat.example.org"],
  "bad-certificate": ["a certificate to trust is none", "give PEM"],
  "bad-argument": ["an argument is not what this call takes", "correct the program"],
  "text-length": ["a message has 1 to 60,000 bytes of text", "send longer texts as a file"],
  "file-length": ["a file to send has 1 byte to 100 MiB", "send a smaller file, or in parts"],
  "not-a-code": ["this is not the code that was expected", "scan or copy it again, all of it"],
  "no-such-message": ["there is no such message in this conversation", "look at the conversation again"],
} as const satisfies Record<string, Row>;

const REFUSED = {
  "own-account": ["this is your own account", "name somebody else"],
  "unknown-account": ["nothing is known of this account yet", "write to it, or meet it first"],
  "no-such-account": ["the relay has no account of this name", "check the name"],
  "key-changed": ["the account key has changed; nothing is sent until you decide", "compare safety numbers, then accept the new key"],
  "nothing-offered": ["there is no new key to accept", "nothing is to be done"],
  "no-account-key": ["this device does not hold the account key", "do it on a device that does"],
  "too-many-devices": ["an account has at most 8 devices", "remove one first"],
  "already-linked": ["this device is already in the account", "nothing is to be done"],
  "no-such-device": ["there is no other device with this number", "look at the list of devices"],
  "not-ready": ["this device is not part of its account yet, or not any more", "register it or link it first"],
  "relay-lies": ["the relay answered with something that cannot be true; it was not taken", "do not trust this relay; tell whoever runs it"],
  "not-sent": ["the relay does not take this message, whatever is done", "write it anew"],
} as const satisfies Record<string, Row>;

const RELAY = {
  unreachable: ["the relay cannot be reached", "check its address and the network; what was written waits here", true],
  insecure: ["the connection to the relay cannot be secured", "check the relay's certificate"],
  "not-a-relay": ["what answers there is no Sprag relay of this version", "check the address"],
  offline: ["not connected, as was asked for", "open without `offline`"],
  timeout: ["this took too long; what was begun goes on by itself", "wait, or try again", true],
  closed: ["this was closed", "open it again"],
  "account-gone": ["the relay does not know this account any more", "ask whoever runs the relay; register anew if it is gone"],
  removed: ["this device was removed from its account", "link it again, with a new profile"],
  "taken-over": ["another copy of this profile took over", "end that one, or connect again here"],
  "name-taken": ["this name is taken on this relay", "choose another name; if it is yours, link this device or restore a backup"],
  "clock-skew": ["the clock of this device, or of the relay, is wrong", "set the clock"],
  malformed: ["the request, or these bytes, are not in the right form", "update; if it stays, report it"],
  unauthenticated: ["the relay does not take this device's token", "try again; if it stays, the device was removed", true],
  "bad-signature": ["the relay does not accept a signature", "report it"],
  "other-origin": ["the relay is known by another address", "use the address that it is run with"],
  "login-replayed": ["this login was used before", "try again", true],
  "registration-closed": ["this relay takes no new accounts", "choose another relay"],
  "invitation-invalid": ["this relay takes new accounts by invitation", "ask who runs it for a code"],
  forbidden: ["this belongs to another account", "use your own"],
  "not-found": ["the relay does not have this", "check what was asked for"],
  "method-not-allowed": ["the relay does not know this call", "update"],
  "version-conflict": ["another device changed the account at the same time", "try again", true],
  "devices-differ": ["the devices of the other account have changed", "nothing is to be done; it is sent again by itself", true],
  "number-too-old": ["too many messages are under way", "wait a little", true],
  "offset-conflict": ["the relay has another part of this file", "try again", true],
  "unsupported-media-type": ["the relay does not take this", "update"],
  "range-not-satisfiable": ["the file at the relay is shorter than was said", "ask for it again"],
  "mailbox-full": ["the other account's mailboxes are full", "wait until it has read some; it is tried again", true],
  "quota-exceeded": ["your files on the relay take as much room as they may", "wait until old ones expire, or ask who runs the relay"],
  "rate-limited": ["too much in too short a time", "wait a little", true],
  "too-many-connections": ["your account has as many connections as it may", "close one", true],
  internal: ["the relay failed", "try again later; tell whoever runs it", true],
  unavailable: ["the relay is not available now", "wait; it is tried again", true],
  "shutting-down": ["the relay is being stopped", "wait; it is tried again", true],
} as const satisfies Record<string, Row>;

const FILES = {
  file: ["the file cannot be read or written", "check that it is there and may be used"],
  "file-exists": ["there is a file of this name already", "choose another name"],
  "file-changed": ["the file was changed while it was sent, or cannot be read any more", "choose it again"],
  "file-gone": ["the relay does not have this file any more", "ask for it again"],
  "file-damaged": ["this file was altered on its way", "ask for it again"],
  system: ["the system gives no randomness, memory or thread", "close other programs; load the page again"],
} as const satisfies Record<string, Row>;

const RATCHET = {
  duplicate: ["this message was decrypted before", "pass it over"],
  unreadable: ["this message cannot be decrypted with this session", "ask for it again on a new session"],
  "too-far-ahead": ["too many messages are missing before this one", "ask for it again on a new session"],
  "unknown-prekey": ["the message uses a prekey that this identity does not have (any more)", "ask for it again, with a new bundle"],
  "too-many-last-resort": ["too many sessions were started from the last-resort prekey", "rotate the prekeys"],
  "no-session": ["there is no session to send on", "start one from a bundle, or decrypt a first message"],
  unanswered: ["the session was not answered for 30 days", "start a new one"],
  "session-ended": ["the session has sent as much as it may", "start a new one"],
  "bad-bundle": ["the bundle is not what its device signed", "do not use it; get another one"],
  "other-device": ["this is another device's", "use the session with that device"],
  "ids-used-up": ["this identity has no ids for prekeys left", "make a new device"],
  "state-newer": ["a newer version wrote this state", "update"],
  "state-damaged": ["this is no state, or it was altered", "use the state as it was exported"],
} as const satisfies Record<string, Row>;

const SURROUNDINGS = {
  CSP_BLOCKS_WASM: ["the Content-Security-Policy of this page forbids WebAssembly", "add 'wasm-unsafe-eval' to script-src"],
  NO_WASM: ["this browser cannot run this WebAssembly module", "use a browser of 2023 or later"],
  NO_DECOMPRESSION: ["this browser has no DecompressionStream", "use a browser of 2023 or later"],
  NO_WEBCRYPTO: ["this page has no WebCrypto: it was not loaded over https or from localhost", "serve the page over https"],
  NO_INDEXEDDB: ["this page has no IndexedDB: a private window, or storage is blocked", "allow storage for this site, use an ordinary window, or open with `memory()` and lose everything with the tab"],
  NO_WEBSOCKET: ["there is no WebSocket here", "in Node 20, install the package `ws`"],
  STORAGE_EVICTED: ["the browser has deleted the profile that was kept here", "restore a backup or link this device anew; `forgetProfile()` first, to begin with nothing"],
  STORE_UNAVAILABLE: ["this kind of store does not exist here", "use `indexedDb()` in browsers, `file()` in Node, or `memory()`"],
  PASSPHRASE_NEEDED: ["this profile opens with a passphrase", "give `passphrase` to `open`"],
  PASSKEY_REFUSED: ["the passkey was not used", "try again, or use the passphrase"],
  PASSKEY_UNSUPPORTED: ["this browser or this passkey cannot open profiles (WebAuthn PRF)", "use the passphrase"],
  ABORTED: ["this was aborted", "begin again if it is wanted"],
  TAB_GONE: ["the tab that did this is gone, and it cannot be said how far it came", "look at the state, then try again", true],
  MODULE_DAMAGED: ["the package is damaged", "install it again"],
} as const satisfies Record<string, Row>;

const CODES = { ...STORE, ...ARGUMENTS, ...REFUSED, ...RELAY, ...FILES, ...RATCHET, ...SURROUNDINGS };

/** What went wrong, for programs. */
export type ErrorCode = keyof typeof CODES;

/** Every code, for tests and tables. */
export const ALL_CODES: readonly ErrorCode[] = Object.keys(CODES) as ErrorCode[];

/** What a code means. */
export function meaning(code: ErrorCode): { message: string; remedy: string; retryable: boolean } {
  const [message, remedy, retryable]: Row = CODES[code];
  return { message, remedy, retryable: retryable ?? false };
}

/** Whether this is one of the codes. */
export function isCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(CODES, code);
}
