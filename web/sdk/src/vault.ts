/**
 * What opens a profile. The store key lives in the WebAssembly module; its header is kept in slots, each sealed under a key of
 * WebCrypto that cannot be read out. In the plain slot the key to the header lies beside it; a passphrase's and a passkey's
 * slot need what only the person has, in addition.
 */

import type { Glue, Vault } from "./engine.js";
import { calling, SpragError } from "./error.js";
import { module } from "./module.js";
import { createPasskey, usePasskey } from "./passkey.js";
import type { Guard, RowStore, Slot } from "./rows.js";

const KEY_LEN = 32;
const IV_LEN = 12;

/** What the caller gives to open a profile. */
export interface Unlock {
  passphrase?: string | (() => string | Promise<string>);
  passkey?: boolean;
}

/** Makes a store key for a new profile. The guard is to be kept with the first commit. */
export async function createVault(glue: Glue, rows: RowStore, unlock: Unlock): Promise<{ vault: Vault; guard: Guard }> {
  const key = random(KEY_LEN);
  const vault = calling(() => glue.Vault.create({ lock: "key", key }));
  const wrapping = await rows.wrappingKey();
  const passphrase = await asked(unlock.passphrase);
  const slot = passphrase === undefined ? await plainSlot(wrapping, key, vault.header) : await passphraseSlot(wrapping, vault, passphrase);
  key.fill(0);
  return { vault, guard: { version: 1, slots: [slot] } };
}

/** Opens the store key of a profile. */
export async function openVault(glue: Glue, rows: RowStore, guard: Guard, unlock: Unlock): Promise<Vault> {
  const wrapping = await rows.wrappingKey();
  const plain = guard.slots.find((slot) => slot.kind === "key");
  if (plain !== undefined) {
    const opened = await unseal(wrapping, plain.sealed);
    const [key, header] = [opened.slice(0, KEY_LEN), opened.slice(KEY_LEN)];
    opened.fill(0);
    try {
      return calling(() => glue.Vault.open(header, { lock: "key", key }));
    } finally {
      key.fill(0);
    }
  }
  const byPasskey = unlock.passkey === true ? await openWithPasskey(glue, wrapping, guard, unlock.passphrase === undefined) : undefined;
  return byPasskey ?? (await openWithPassphrase(glue, wrapping, guard, unlock));
}

async function openWithPassphrase(glue: Glue, wrapping: CryptoKey, guard: Guard, unlock: Unlock): Promise<Vault> {
  const slot = guard.slots.find((slot) => slot.kind === "passphrase");
  if (slot === undefined) throw new SpragError("store-damaged");
  const passphrase = await asked(unlock.passphrase);
  if (passphrase === undefined) throw new SpragError("PASSPHRASE_NEEDED");
  const header = await unseal(wrapping, slot.sealed);
  // Argon2id takes 64 MiB, and a module's memory never shrinks: so in an instance of its own.
  const elsewhere = await module.fresh();
  const key = random(KEY_LEN);
  const moved = calling(() => {
    const vault = elsewhere.Vault.open(header, { lock: "passphrase", passphrase });
    try {
      return vault.relock({ lock: "key", key });
    } finally {
      vault.free();
    }
  });
  const vault = calling(() => glue.Vault.open(moved, { lock: "key", key }));
  key.fill(0);
  return vault;
}

async function openWithPasskey(glue: Glue, wrapping: CryptoKey, guard: Guard, only: boolean): Promise<Vault | undefined> {
  const slots = guard.slots.filter((slot) => slot.kind === "passkey");
  try {
    const { credential, key } = await usePasskey(slots);
    const slot = slots.find((slot) => slot.credential !== undefined && sameBytes(slot.credential, credential));
    if (slot === undefined) throw new SpragError("PASSKEY_REFUSED");
    const header = await unseal(wrapping, slot.sealed);
    const vault = calling(() => glue.Vault.open(header, { lock: "key", key }));
    key.fill(0);
    return vault;
  } catch (error) {
    if (only) throw error;
    return undefined;
  }
}

/** Sets, replaces or takes away the passphrase. */
export async function setPassphrase(rows: RowStore, vault: Vault, passphrase: string | null): Promise<void> {
  const guard = await existing(rows);
  const wrapping = await rows.wrappingKey();
  if (passphrase === null) {
    const key = random(KEY_LEN);
    const header = calling(() => vault.relock({ lock: "key", key }));
    const slot = await plainSlot(wrapping, key, header);
    key.fill(0);
    await rows.setGuard({ ...guard, slots: [slot] });
    return;
  }
  const slot = await passphraseSlot(wrapping, vault, passphrase);
  await rows.setGuard({ ...guard, slots: [slot, ...guard.slots.filter((slot) => slot.kind === "passkey")] });
}

/** Adds a passkey beside the passphrase. */
export async function addPasskey(rows: RowStore, vault: Vault, account: string): Promise<void> {
  const guard = await existing(rows);
  // Never the only way: a passkey that is lost must not take the profile with it.
  if (!guard.slots.some((slot) => slot.kind === "passphrase")) throw new SpragError("PASSPHRASE_NEEDED");
  const { credential, salt, key } = await createPasskey(account);
  const header = calling(() => vault.relock({ lock: "key", key }));
  key.fill(0);
  const sealed = await seal(await rows.wrappingKey(), header);
  await rows.setGuard({ ...guard, slots: [...guard.slots, { kind: "passkey", sealed, credential, salt }] });
}

/** Takes all passkeys away; the passphrase stays. */
export async function removePasskeys(rows: RowStore): Promise<void> {
  const guard = await existing(rows);
  await rows.setGuard({ ...guard, slots: guard.slots.filter((slot) => slot.kind !== "passkey") });
}

async function existing(rows: RowStore): Promise<Guard> {
  const guard = await rows.guard();
  if (guard === undefined) throw new SpragError("no-profile");
  return guard;
}

async function plainSlot(wrapping: CryptoKey, key: Uint8Array, header: Uint8Array): Promise<Slot> {
  const both = new Uint8Array(KEY_LEN + header.length);
  both.set(key);
  both.set(header, KEY_LEN);
  const sealed = await seal(wrapping, both);
  both.fill(0);
  return { kind: "key", sealed };
}

async function passphraseSlot(wrapping: CryptoKey, vault: Vault, passphrase: string): Promise<Slot> {
  if (passphrase === "") throw new SpragError("bad-argument", { message: "the passphrase is empty" });
  const key = random(KEY_LEN);
  const moved = calling(() => vault.relock({ lock: "key", key }));
  const elsewhere = await module.fresh();
  const header = calling(() => {
    const copy = elsewhere.Vault.open(moved, { lock: "key", key });
    try {
      return copy.relock({ lock: "passphrase", passphrase });
    } finally {
      copy.free();
    }
  });
  key.fill(0);
  return { kind: "passphrase", sealed: await seal(wrapping, header) };
}

async function asked(passphrase: Unlock["passphrase"]): Promise<string | undefined> {
  return typeof passphrase === "function" ? await passphrase() : passphrase;
}

async function seal(key: CryptoKey, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const iv = random(IV_LEN);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new Uint8Array(bytes)));
  const whole = new Uint8Array(IV_LEN + sealed.length);
  whole.set(iv);
  whole.set(sealed, IV_LEN);
  return whole;
}

async function unseal(key: CryptoKey, sealed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const iv = sealed.slice(0, IV_LEN);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, sealed.slice(IV_LEN)));
  } catch (error) {
    throw new SpragError("store-damaged", { cause: error });
  }
}

function random(length: number): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(length));
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
