/**
 * Drafts that outlive the page: one record in a database of their own, sealed under a key that this browser
 * keeps and gives nobody (WebCrypto, not extractable). No text and no name is readable in the database. Where the
 * profile is opened by a passphrase nothing is kept: the key here knows of no passphrase.
 */
import { KEEPS_NOTHING, type DraftKeeper } from "../model/drafts.js";

const DATABASE = "sprag-drafts";
const STORE = "sealed";

interface Sealed { readonly nonce: Uint8Array<ArrayBuffer>; readonly bytes: ArrayBuffer }

function wait<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => { resolve(request.result); };
    request.onerror = () => { reject(request.error ?? new Error("the database failed")); };
  });
}

async function database(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => { request.result.createObjectStore(STORE); };
  const opened = await wait(request);
  // Whoever deletes it does not wait for this page.
  opened.onversionchange = () => { opened.close(); };
  return opened;
}

function isKey(value: unknown): value is CryptoKey {
  return value instanceof CryptoKey;
}

function isSealed(value: unknown): value is Sealed {
  return typeof value === "object" && value !== null && "nonce" in value && "bytes" in value;
}

function areDrafts(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}

/** Puts a value, unless there is one, and gives what is there then. */
async function keyOf(db: IDBDatabase): Promise<CryptoKey> {
  const known: unknown = await wait(db.transaction(STORE).objectStore(STORE).get("key"));
  if (isKey(known)) return known;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const store = db.transaction(STORE, "readwrite").objectStore(STORE);
  // Another tab may have made one in the meantime.
  const since: unknown = await wait(store.get("key"));
  if (isKey(since)) return since;
  await wait(store.put(made, "key"));
  return made;
}

/** Keeps drafts in this browser, unless a passphrase guards the profile. */
export function draftKeeper(hasPassphrase: () => Promise<boolean>): DraftKeeper {
  return {
    async load() {
      if (await hasPassphrase()) return await KEEPS_NOTHING.load();
      const db = await database();
      try {
        const sealed: unknown = await wait(db.transaction(STORE).objectStore(STORE).get("drafts"));
        if (!isSealed(sealed)) return {};
        const bytes = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.nonce }, await keyOf(db), sealed.bytes);
        const drafts: unknown = JSON.parse(new TextDecoder().decode(bytes));
        return areDrafts(drafts) ? drafts : {};
      } finally {
        db.close();
      }
    },
    async save(drafts) {
      if (await hasPassphrase()) {
        await forgetDrafts();
        return;
      }
      const db = await database();
      try {
        const nonce = crypto.getRandomValues(new Uint8Array(12));
        const bytes = await crypto.subtle.encrypt(
          { name: "AES-GCM", iv: nonce },
          await keyOf(db),
          new TextEncoder().encode(JSON.stringify(drafts)),
        );
        const store = db.transaction(STORE, "readwrite").objectStore(STORE);
        await wait(store.put({ nonce, bytes } satisfies Sealed, "drafts"));
      } finally {
        db.close();
      }
    },
  };
}

/** Nothing of them is left. */
export async function forgetDrafts(): Promise<void> {
  await wait(indexedDB.deleteDatabase(DATABASE));
}
