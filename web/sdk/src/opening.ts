/** Making a client: out of a profile, an empty store, a backup, or as a new device of an account. */

import { Client } from "./client.js";
import { Crew, type Mission, type Snapshot } from "./crew.js";
import type { Engine, Glue, Names, RowChange, Status, Vault } from "./engine.js";
import { asSpragError, calling, ofFault, SpragError } from "./error.js";
import type { FoundProfile, OpenOptions, Where } from "./face.js";
import { Host } from "./host.js";
import { module } from "./module.js";
import { DEFAULT_STORE, openSocket, ownRelay, persist, watch } from "#platform";
import type { Guard, Place, RowStore } from "./rows.js";
import type { Published } from "./service.js";
import { indexedDb, memory } from "./storage.js";
import { databaseNames } from "./store/indexeddb.js";
import { createVault, openVault } from "./vault.js";
import { WITHIN } from "./waiting.js";

/** The longest that a timer can be set for. */
const FOREVER = 0x7fffffff;

/** What a client is made for. */
type Purpose = { kind: "open" | "existing" | "new" | "link" } | { kind: "restore"; backup: Uint8Array; passphrase: string };

/**
 * Goes on with the profile that is kept here; where there is none, registers the account and resolves once the relay has taken it.
 * With a profile it does not wait for the relay. Every tab may call it: one leads, the others follow, and all of them work.
 */
export async function open(options: OpenOptions = {}): Promise<Client> {
  return (await begin(options, { kind: options.mode ?? "open" })).client;
}

/** Makes a profile out of a backup. What still runs from the profile that it was made of is to be ended for good. */
export async function restoreBackup(options: OpenOptions, backup: Blob | Uint8Array, passphrase: string): Promise<Client> {
  const bytes = backup instanceof Blob ? new Uint8Array(await backup.arrayBuffer()) : backup;
  return (await begin(options, { kind: "restore", backup: bytes, passphrase })).client;
}

/** Makes a new device of an account that exists; it waits until a device that is signed in takes its code (`client.link`). */
export async function linkNewDevice(options: OpenOptions): Promise<Linking> {
  const { client, crew } = await begin(options, { kind: "link" });
  const code = await crew.call("linkCode", []);
  if (code === undefined) {
    await client.close();
    throw new SpragError("registered");
  }
  return new Linking(client, crew, code);
}

/** A new device of an account, which waits until another one signs it in. */
export class Linking {
  /** The client that waits, to hear of its connection. */
  readonly client: Client;
  /** What the other device is to be given, as text or as a QR code; by nobody else. */
  readonly code: string;
  readonly #crew: Crew;

  /** @internal */
  constructor(client: Client, crew: Crew, code: string) {
    this.client = client;
    this.code = code;
    this.#crew = crew;
  }

  /** Resolves once this device is signed in. While the relay cannot be reached, it goes on waiting. */
  async linked(options: { signal?: AbortSignal | undefined } = {}): Promise<Client> {
    const { signal } = options;
    await this.#crew.call("linked", [FOREVER], signal === undefined ? {} : { signal });
    const { connection, stage } = await this.#crew.call("status", []);
    if (stage !== "ready" && connection.state === "ended") throw ofFault(connection.fault);
    return this.client;
  }

  /** Gives up for now: the profile stays, and `linkNewDevice` goes on with it. */
  async close(): Promise<void> {
    await this.client.close();
  }
}

/** Whether there is a profile here and what opens it, without opening it. */
export async function findProfile(where: Where = {}): Promise<FoundProfile | undefined> {
  let place: Place;
  try {
    place = await placeOf(where);
  } catch (error) {
    if (error instanceof SpragError && error.code === "no-profile") return undefined;
    throw error;
  }
  const rows = await place.rows();
  try {
    const guard = await rows.guard();
    if (guard === undefined) {
      if (place.evicted()) throw new SpragError("STORAGE_EVICTED");
      return undefined;
    }
    const has = (kind: string): boolean => guard.slots.some((slot) => slot.kind === kind);
    return { passphrase: has("passphrase"), passkey: has("passkey"), persisted: await rows.persisted() };
  } finally {
    await rows.close();
  }
}

/** Deletes the profile from this device, without a word to the relay; also one whose passphrase is lost. */
export async function forgetProfile(where: Where = {}): Promise<void> {
  const place = await placeOf(where);
  const forget = async (): Promise<void> => {
    const rows = await place.rows();
    try {
      await rows.lead();
      await rows.destroy();
    } finally {
      await rows.close();
    }
    place.mark(false);
  };
  if (!place.shared) {
    await forget();
    return;
  }
  const locks = (navigator as Partial<Navigator>).locks;
  if (locks === undefined) throw new SpragError("NO_WEBCRYPTO");
  await locks.request(place.name, { ifAvailable: true }, async (lock) => {
    if (lock === null) throw new SpragError("in-use");
    await forget();
  });
}

async function placeOf(where: Where): Promise<Place> {
  const store = where.store ?? (DEFAULT_STORE === "indexeddb" ? indexedDb() : memory());
  return await store.place(() => ownName(where));
}

/** One database for each relay and account. Its name gives neither away at a glance. */
async function ownName({ relay = ownRelay(), user }: Where): Promise<string> {
  if (user === undefined) {
    const names = (await databaseNames()) ?? [];
    const [only] = names;
    if (only === undefined) throw new SpragError("no-profile");
    if (names.length > 1) throw new SpragError("bad-argument", { message: "there are several profiles here; say which user, or name the store" });
    return only;
  }
  const text = new TextEncoder().encode(`${withoutSlash(relay ?? "")}\n${user}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return [...hash.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function withoutSlash(relay: string): string {
  return relay.endsWith("/") ? relay.slice(0, -1) : relay;
}

/** What this tab needs of a profile, whoever leads. */
class Opening implements Mission {
  readonly place: Place;
  readonly #glue: Glue;
  readonly #options: OpenOptions;
  readonly #purpose: Purpose;
  readonly #publish: (happening: Published) => void;
  #vault: Vault | undefined;
  #rows: RowStore | undefined;

  constructor(place: Place, glue: Glue, options: OpenOptions, purpose: Purpose, publish: (happening: Published) => void) {
    this.place = place;
    this.#glue = glue;
    this.#options = options;
    this.#purpose = purpose;
    this.#publish = publish;
  }

  vault(): { vault: Vault; rows: RowStore } {
    if (this.#vault === undefined || this.#rows === undefined) throw new SpragError("closed");
    return { vault: this.#vault, rows: this.#rows };
  }

  async release(): Promise<void> {
    this.#vault?.free();
    this.#vault = undefined;
    await this.#rows?.close();
    this.#rows = undefined;
  }

  async forget(): Promise<void> {
    const rows = await this.place.rows();
    await rows.destroy();
    this.place.mark(false);
  }

  #names(): Names | undefined {
    const { user, relay = user === undefined ? undefined : ownRelay() } = this.#options;
    if (user === undefined) return undefined;
    if (relay === undefined) throw new SpragError("bad-origin");
    return { relay: withoutSlash(relay), account: user };
  }

  async follow(snapshot: Snapshot): Promise<void> {
    const { status } = snapshot;
    const names = this.#names();
    if (names !== undefined && names.account !== status.account) throw new SpragError("other-account");
    if (names !== undefined && names.relay !== status.relay) throw new SpragError("other-relay");
    suits(status, this.#purpose, true);
    const rows = await this.place.rows();
    this.#rows = rows;
    const guard = await rows.guard();
    if (guard === undefined) throw new SpragError("no-profile");
    this.#vault = await openVault(this.#glue, rows, guard, unlockOf(this.#options));
  }

  async lead(first: boolean, crew: Crew): Promise<{ host: Host; close: () => Promise<void> }> {
    const rows = await this.place.rows();
    const before = this.#rows;
    this.#rows = rows;
    try {
      await before?.close();
      await rows.lead();
      const host = first ? await this.#begin(rows, crew) : await this.#goOn(rows, crew);
      return {
        host,
        close: async () => {
          await host.close();
        },
      };
    } catch (error) {
      await rows.close();
      throw asSpragError(error);
    }
  }

  /** After another tab. */
  async #goOn(rows: RowStore, crew: Crew): Promise<Host> {
    const vault = this.#vault;
    if (vault === undefined || (await rows.guard()) === undefined) throw new SpragError("no-profile");
    return await this.#host(rows, crew, this.#calls(() => this.#glue.Client.open(vault, undefined, engineOptions(this.#options))), undefined);
  }

  async #begin(rows: RowStore, crew: Crew): Promise<Host> {
    const purpose = this.#purpose;
    const guard = await rows.guard();
    if (purpose.kind === "restore") {
      if (guard !== undefined) throw new SpragError("profile-exists");
      await this.#restore(rows, purpose);
      return await this.#openThere(rows, crew);
    }
    if (guard !== undefined) return await this.#openGuarded(rows, crew, guard);
    if (this.place.evicted() && (purpose.kind === "open" || purpose.kind === "existing")) throw new SpragError("STORAGE_EVICTED");
    return await this.#make(rows, crew);
  }

  async #openGuarded(rows: RowStore, crew: Crew, guard: Guard): Promise<Host> {
    this.#vault = await openVault(this.#glue, rows, guard, unlockOf(this.#options));
    const host = await this.#openThere(rows, crew);
    const status = host.status();
    try {
      suits(status, this.#purpose, false);
      if (status.stage === "beginning") await this.#registered(host, rows, false);
      return host;
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  async #openThere(rows: RowStore, crew: Crew): Promise<Host> {
    const { vault } = this.vault();
    const host = await this.#host(rows, crew, this.#calls(() => this.#glue.Client.open(vault, this.#names(), engineOptions(this.#options))), undefined);
    this.place.mark(true);
    return host;
  }

  /** A new profile. */
  async #make(rows: RowStore, crew: Crew): Promise<Host> {
    const names = this.#names();
    const { kind } = this.#purpose;
    if (names === undefined || kind === "existing") throw new SpragError("no-profile");
    if (this.#options.offline === true) throw new SpragError("offline");
    // Before anything is kept: whether the names are names.
    calling(() => {
      this.#glue.checkName(names.account);
      this.#glue.checkOrigin(names.relay);
    });
    const { vault, guard } = await createVault(this.#glue, rows, unlockOf(this.#options));
    this.#vault = vault;
    const options = engineOptions(this.#options);
    const made = (): Engine => (kind === "link" ? this.#glue.Client.link(vault, names, options, Date.now()) : this.#glue.Client.register(vault, names, options, Date.now()));
    const host = await this.#host(rows, crew, this.#calls(made), guard);
    // Some browsers ask a person, who may take a while.
    void persist();
    if (kind !== "link") await this.#registered(host, rows, true);
    this.place.mark(true);
    return host;
  }

  /** Waits until the relay has the account; where it will not take it, the profile goes. */
  async #registered(host: Host, rows: RowStore, fresh: boolean): Promise<void> {
    if (this.#options.offline === true) return;
    const decided = ({ stage, connection }: Status): boolean => stage !== "beginning" || connection.state === "waiting" || connection.state === "ended";
    try {
      await host.until(decided, WITHIN);
      const { stage, connection } = host.status();
      if (stage === "ready") return;
      if (connection.state === "waiting" || connection.state === "ended") throw ofFault(connection.fault);
      if (stage !== "beginning") return;
      throw new SpragError("unreachable");
    } catch (error) {
      const why = asSpragError(error);
      const useless = host.status().useless || (fresh && !why.retryable);
      await host.close();
      if (useless) {
        // It is of no use to anybody: the relay has not taken it.
        await rows.destroy();
        this.place.mark(false);
      }
      throw why;
    }
  }

  async #restore(rows: RowStore, { backup, passphrase }: Purpose & { kind: "restore" }): Promise<void> {
    const { vault, guard } = await createVault(this.#glue, rows, unlockOf(this.#options));
    this.#vault = vault;
    const restore = calling(() => this.#glue.Restore.begin(vault, backup, passphrase));
    try {
      let batch: RowChange[] | undefined = calling(() => restore.next());
      let held: RowChange[] = [];
      while (batch !== undefined) {
        held = held.concat(batch);
        batch = calling(() => restore.next());
      }
      // In one transaction with what guards it: one that is cut off leaves no profile.
      await rows.commit(held, guard);
    } finally {
      restore.free();
    }
    void persist();
  }

  #calls(make: () => Engine): Engine {
    return calling(make);
  }

  async #host(rows: RowStore, crew: Crew, engine: Engine, guard: Guard | undefined): Promise<Host> {
    const publish = (happening: Published): void => {
      crew.publish(happening);
      this.#publish(happening);
    };
    let opened = false;
    const host: Host = new Host({
      engine,
      rows,
      guard,
      socket: openSocket,
      publish,
      ended: (why) => {
        if (opened) crew.hostEnded(why);
      },
    });
    await host.open();
    opened = true;
    return host;
  }
}

/** Whether a profile is what was asked for. */
function suits({ stage }: Status, { kind }: Purpose, led: boolean): void {
  if (kind === "new" && (led || stage !== "beginning")) throw new SpragError("registered");
  if (kind === "link" && stage !== "linking") throw new SpragError("registered");
  if (kind === "restore") throw new SpragError("profile-exists");
}

function unlockOf({ passphrase, passkey }: OpenOptions): { passphrase?: string | (() => string | Promise<string>); passkey?: boolean } {
  return { ...(passphrase === undefined ? {} : { passphrase }), ...(passkey === undefined ? {} : { passkey }) };
}

function engineOptions({ invitation, offline }: OpenOptions): { invitation?: string; offline?: boolean } {
  return { ...(invitation === undefined ? {} : { invitation }), ...(offline === undefined ? {} : { offline }) };
}

async function begin(options: OpenOptions, purpose: Purpose): Promise<{ client: Client; crew: Crew }> {
  const { crypto: webcrypto } = globalThis as { crypto?: Partial<Crypto> };
  if (webcrypto?.subtle === undefined) throw new SpragError("NO_WEBCRYPTO");
  const place = await placeOf(options);
  const glue = await module.ready();
  const early: Published[] = [];
  const made: { client?: Client; stop?: () => void } = {};
  const opening = new Opening(place, glue, options, purpose, () => undefined);
  const crew = await Crew.join(opening, {
    happening: (happening) => {
      if (made.client === undefined) early.push(happening);
      else made.client.heard(happening);
    },
    changed: () => made.client?.changed(),
    ended: (why) => {
      made.stop?.();
      made.client?.ended(why);
      void opening.release();
    },
  });
  const status = await crew.call("status", []);
  const client = new Client({
    crew,
    status,
    vault: () => opening.vault(),
    forget: () => opening.forget(),
    release: () => opening.release(),
  });
  made.client = client;
  for (const happening of early) client.heard(happening);
  made.stop = watch((network) => {
    crew.wake(network);
  });
  const { readReceipts } = options;
  if (readReceipts !== undefined && readReceipts !== status.readReceipts) await crew.call("setReadReceipts", [readReceipts]);
  return { client, crew };
}
