/**
 * The protocol alone: no relay and no store. States are bytes in the clear: seal them, and keep the new one before a message leaves
 * or its text is shown. A state that is imported twice uses a key twice, and nothing here can notice it.
 */

import type * as engine from "./engine.js";
import { calling, SpragError } from "./error.js";
import { module } from "./core-module.js";
import { numberOf, type Number60 } from "./safety.js";

export { SpragError, isSpragError } from "./error.js";
export type { ErrorCode } from "./codes.js";
export type { Comparison, Number60 } from "./safety.js";

/** What only this file can make of these classes. */
const inner = { identity: new WeakMap<Identity, engine.Identity>(), session: new WeakMap<Session, engine.Session>() };

function identityOf(us: Identity): engine.Identity {
  const found = inner.identity.get(us);
  if (found === undefined) throw new SpragError("bad-argument");
  return found;
}

function sessionOf(session: Session): engine.Session {
  const found = inner.session.get(session);
  if (found === undefined) throw new SpragError("bad-argument");
  return found;
}

/** A device of an account: identity and private prekeys. */
export class Identity {
  private constructor(raw: engine.Identity) {
    inner.identity.set(this, raw);
  }

  /** Makes an account key and its first device. */
  static async generate(account: string): Promise<Identity> {
    const glue = await module.ready();
    return new Identity(calling(() => glue.Identity.generate(account, Date.now())));
  }

  /** Goes on with what `export` gave. */
  static async import(state: Uint8Array): Promise<Identity> {
    const glue = await module.ready();
    return new Identity(calling(() => glue.Identity.import(state)));
  }

  /** The state, with private keys, in the clear. */
  export(): Uint8Array {
    return calling(() => identityOf(this).export());
  }

  get account(): string {
    return calling(() => identityOf(this).account);
  }

  /** Who it is to others: public. How they know that it is theirs to see to. */
  get card(): Uint8Array {
    return calling(() => identityOf(this).card);
  }

  /** A bundle that many can use, at the price of a first message that can be replayed. */
  bundle(): PreKeyBundle {
    return PreKeyBundle.import(calling(() => identityOf(this).bundle(Date.now())));
  }

  /** Bundles for one session each. Export the identity before they are given out. */
  oneTimeBundles(): PreKeyBundle[] {
    return calling(() => identityOf(this).oneTimeBundles(Date.now())).map((bytes) => PreKeyBundle.import(bytes));
  }

  /** Once a day: new prekeys where due, old ones erased. True where bundles are to be made anew. */
  rotate(): boolean {
    return calling(() => identityOf(this).rotate(Date.now()));
  }
}

/** What somebody publishes, so that others can write first. Its signatures are checked where a session is started from it. */
export class PreKeyBundle {
  readonly #bytes: Uint8Array;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  static import(bytes: Uint8Array): PreKeyBundle {
    return new PreKeyBundle(new Uint8Array(bytes));
  }

  export(): Uint8Array {
    return new Uint8Array(this.#bytes);
  }
}

/** What was decrypted. */
export interface Decrypted {
  plaintext: Uint8Array;
  /** Whether a session was started, and the identity has changed: export both. */
  started: boolean;
}

/** All sessions with one other device. */
export class Session {
  private constructor(raw: engine.Session) {
    inner.session.set(this, raw);
  }

  /** Starts from a bundle; compare `peer` with what you know of the other side. */
  static async start(us: Identity, bundle: PreKeyBundle): Promise<Session> {
    const glue = await module.ready();
    return new Session(calling(() => glue.Session.initiate(identityOf(us), bundle.export(), Date.now())));
  }

  /** For messages of the device with this card. */
  static async accept(card: Uint8Array): Promise<Session> {
    const glue = await module.ready();
    return new Session(calling(() => glue.Session.accept(card)));
  }

  /** Goes on with what `export` gave. */
  static async import(state: Uint8Array): Promise<Session> {
    const glue = await module.ready();
    return new Session(calling(() => glue.Session.import(state)));
  }

  /** The state, with keys, in the clear. */
  export(): Uint8Array {
    return calling(() => sessionOf(this).export());
  }

  /** The other device's card. */
  get peer(): Uint8Array {
    return calling(() => sessionOf(this).peer);
  }

  /** Keep `export()` before the message leaves. */
  encrypt(plaintext: Uint8Array | string): Uint8Array {
    const bytes = typeof plaintext === "string" ? new TextEncoder().encode(plaintext) : plaintext;
    return calling(() => sessionOf(this).encrypt(bytes, Date.now()));
  }

  /** Keep `export()` before the plaintext counts as received; where one was started, the identity's too. */
  decrypt(us: Identity, message: Uint8Array): Decrypted {
    return calling(() => sessionOf(this).decrypt(identityOf(us), message, Date.now()));
  }
}

/** Encrypts on a session. */
export function encrypt(session: Session, plaintext: Uint8Array | string): Uint8Array {
  return session.encrypt(plaintext);
}

/** Decrypts on a session. */
export function decrypt(session: Session, us: Identity, message: Uint8Array): Uint8Array {
  return session.decrypt(us, message).plaintext;
}

/** What two people compare, of two cards. */
export async function safetyNumber(ours: Uint8Array, theirs: Uint8Array): Promise<Number60> {
  const glue = await module.ready();
  return numberOf(calling(() => glue.safetyNumberOf(ours, theirs)));
}

/** The version of the protocol's implementation. */
export async function version(): Promise<string> {
  return (await module.ready()).version();
}
