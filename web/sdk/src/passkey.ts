/** Passkeys: WebAuthn's PRF extension turns one into 32 bytes that only it can make again. */

import { SpragError } from "./error.js";
import type { Slot } from "./rows.js";

type Bytes = Uint8Array<ArrayBuffer>;

function credentials(): CredentialsContainer {
  const here = globalThis as { navigator?: Partial<Navigator>; PublicKeyCredential?: unknown };
  const found = here.navigator?.credentials;
  if (found === undefined || here.PublicKeyCredential === undefined) throw new SpragError("PASSKEY_UNSUPPORTED");
  return found;
}

/** Makes a passkey. */
export async function createPasskey(account: string): Promise<{ credential: Bytes; salt: Bytes; key: Bytes }> {
  const salt = random();
  const made = await refusable(() =>
    credentials().create({
      publicKey: {
        rp: { name: "Sprag" },
        user: { id: random(), name: account, displayName: account },
        challenge: random(),
        pubKeyCredParams: [
          { type: "public-key", alg: -8 },
          { type: "public-key", alg: -7 },
          { type: "public-key", alg: -257 },
        ],
        authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
        extensions: { prf: { eval: { first: salt } } },
      },
    }),
  );
  const credential = new Uint8Array(made.rawId);
  const results = made.getClientExtensionResults().prf;
  if (results?.enabled !== true) throw new SpragError("PASSKEY_UNSUPPORTED");
  // Not every authenticator evaluates while it makes one: then it is used once.
  const key = results.results === undefined ? (await usePasskey([{ credential, salt }])).key : bytesOf(results.results.first);
  return { credential, salt, key };
}

/** Uses one of these passkeys. */
export async function usePasskey(slots: readonly Pick<Slot, "credential" | "salt">[]): Promise<{ credential: Bytes; key: Bytes }> {
  const known = slots.flatMap(({ credential, salt }) => (credential === undefined || salt === undefined ? [] : [{ credential, salt }]));
  if (known.length === 0) throw new SpragError("PASSKEY_REFUSED", { message: "no passkey was added to this profile" });
  const evalByCredential = Object.fromEntries(known.map(({ credential, salt }) => [base64url(credential), { first: salt }]));
  const used = await refusable(() =>
    credentials().get({
      publicKey: {
        challenge: random(),
        allowCredentials: known.map(({ credential }) => ({ type: "public-key", id: credential })),
        userVerification: "required",
        extensions: { prf: { evalByCredential } },
      },
    }),
  );
  const first = used.getClientExtensionResults().prf?.results?.first;
  if (first === undefined) throw new SpragError("PASSKEY_UNSUPPORTED");
  return { credential: new Uint8Array(used.rawId), key: bytesOf(first) };
}

async function refusable(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let found: Credential | null;
  try {
    found = await ask();
  } catch (error) {
    throw error instanceof SpragError ? error : new SpragError("PASSKEY_REFUSED", { cause: error });
  }
  if (!(found instanceof PublicKeyCredential)) throw new SpragError("PASSKEY_REFUSED");
  return found;
}

function bytesOf(source: BufferSource): Bytes {
  return source instanceof ArrayBuffer ? new Uint8Array(source.slice(0)) : new Uint8Array(new Uint8Array(source.buffer, source.byteOffset, source.byteLength));
}

function random(): Bytes {
  return crypto.getRandomValues(new Uint8Array(32));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
