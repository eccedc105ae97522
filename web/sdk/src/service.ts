/** What a host does for whoever asks, in its own tab or in another one: plain data in, plain data out. */

import type { Conversation, Cursor, Entry, Found, Happening, OutgoingFile, OwnDevice, Peer, Progressed, SafetyNumber, Sent, Status } from "./engine.js";
import { isSpragError, SpragError } from "./error.js";
import type { Extras, Host } from "./host.js";


/** What can be asked. */
export interface Methods {
  status: () => Status;
  send: (to: string, text: string, id: string) => Sent;
  sendFile: (to: string, file: Blob, what: OutgoingFile) => Sent;
  download: (conversation: string, position: number, mediaType: string) => Blob;
  retry: (conversation: string, id: string) => Sent;
  state: (conversation: string, id: string) => Progressed;
  conversations: () => Conversation[];
  history: (conversation: string, before: number | undefined, limit: number) => Entry[];
  historyFrom: (conversation: string, from: number, limit: number) => Entry[];
  search: (words: string, limit: number) => Found[];
  incoming: (cursor: Cursor | undefined) => { cursor: Cursor; messages: Found[] };
  markRead: (conversation: string, through: number | undefined) => undefined;
  meet: (account: string) => Peer;
  refresh: (account: string) => Peer;
  peer: (account: string) => Peer | undefined;
  safetyNumber: (account: string) => SafetyNumber;
  offeredNumber: (account: string) => SafetyNumber | undefined;
  setVerified: (account: string, verified: boolean) => undefined;
  acceptKey: (account: string) => undefined;
  devices: () => OwnDevice[];
  linkCode: () => string | undefined;
  linkDevice: (code: string, give: { accountKey: boolean; history: boolean }) => { device: number };
  removeDevice: (device: number) => undefined;
  setReadReceipts: (tell: boolean) => undefined;
  backup: (passphrase: string) => Blob;
  online: (within: number) => undefined;
  settled: (within: number) => undefined;
  caughtUp: (within: number) => undefined;
  linked: (within: number) => undefined;
  reconnect: () => undefined;
  deleteAccount: () => undefined;
}

/** One of them. */
export type Method = keyof Methods;
/** What it takes. */
export type Args<M extends Method> = Parameters<Methods[M]>;
/** What it gives. */
export type Result<M extends Method> = ReturnType<Methods[M]>;

/** What goes along with a request. */
export interface Request extends Extras {
  /** It was asked of an earlier leader too, and nobody knows how far that came. */
  again: boolean;
  publish: (happening: Published) => void;
}

/** What tabs tell each other of: what the engine says, and what was done here. */
export type Published = Happening | { what: "settings"; readReceipts: boolean };

type Served = { [M in Method]: (host: Host, request: Request, ...args: Args<M>) => Promise<unknown> | Result<M> };

const SERVED: Served = {
  status: (host) => host.status(),
  send: async (host, request, to, text, id) => {
    // Where an earlier leader has sent it, the engine knows it by its id.
    const sent = await host.ask((engine) => engine.send(to, text, id));
    await tellOwn(host, request, sent as Sent);
    return sent;
  },
  sendFile: async (host, request, to, file, what) => {
    const sent = await host.ask((engine) => engine.sendFile(to, what), { ...request, file });
    request.onProgress?.({ done: file.size, total: file.size });
    await tellOwn(host, request, sent as Sent);
    return sent;
  },
  download: async (host, request, conversation, position, mediaType) => {
    const { parts } = await host.save((engine) => engine.receiveFile(conversation, position, 0), request);
    const blob = new Blob(parts, { type: mediaType });
    request.onProgress?.({ done: blob.size, total: blob.size });
    return blob;
  },
  retry: async (host, request, conversation, id) => {
    const retried = host.ask((engine) => engine.retry(conversation, id));
    if (!request.again) return await retried;
    // Where the earlier leader did it, the message has not failed any more.
    return await retried.catch(async (error: unknown) => {
      const { state } = (await host.ask((engine) => engine.messageState(conversation, id))) as Progressed;
      if (!isCode(error, "no-such-message") || state === "failed") throw error;
      return { to: conversation, id, position: undefined };
    });
  },
  state: (host, _, conversation, id) => host.ask((engine) => engine.messageState(conversation, id)),
  conversations: (host) => host.now((engine) => engine.conversations()),
  history: (host, _, conversation, before, limit) => host.ask((engine) => engine.history(conversation, before, limit)),
  historyFrom: (host, _, conversation, from, limit) => host.ask((engine) => engine.historyFrom(conversation, from, limit)),
  search: (host, request, words, limit) => host.ask((engine) => engine.search(words, limit), request),
  incoming: (host, _, cursor) => host.ask((engine) => engine.incoming(cursor)),
  markRead: async (host, request, conversation, through) => {
    const known = host.now((engine) => engine.conversations()).find((talk) => talk.conversation === conversation);
    const position = through ?? (known === undefined ? 0 : known.entries - 1);
    if (known !== undefined && position < known.readBelow) return undefined;
    await host.ask((engine) => engine.markRead(conversation, position));
    request.publish({ what: "conversation", conversation });
    return undefined;
  },
  meet: (host, _, account) => host.ask((engine) => engine.meet(account)),
  refresh: async (host, _, account) => {
    try {
      return await host.ask((engine) => engine.refresh(account));
    } catch (error) {
      // That the key has changed is what was asked.
      const peer = host.now((engine) => engine.peer(account));
      if (!isCode(error, "key-changed") || peer === undefined) throw error;
      return peer;
    }
  },
  peer: (host, _, account) => host.now((engine) => engine.peer(account)),
  safetyNumber: (host, _, account) => host.ask((engine) => engine.safetyNumber(account)),
  offeredNumber: (host, _, account) => host.now((engine) => engine.safetyNumberNow(account, true)),
  setVerified: async (host, request, account, verified) => {
    await host.ask((engine) => engine.setVerified(account, verified));
    request.publish({ what: "conversation", conversation: account });
    return undefined;
  },
  acceptKey: async (host, request, account) => {
    await done(host, request, "nothing-offered", (engine) => engine.acceptKey(account));
    request.publish({ what: "conversation", conversation: account });
    return undefined;
  },
  devices: (host) => host.now((engine) => engine.devices()),
  linkCode: (host) => host.now((engine) => engine.linkCode()),
  linkDevice: async (host, request, code, give) => {
    const linked = host.ask((engine) => engine.linkDevice(code, give));
    if (!request.again) return await linked;
    // The earlier leader did it: the newest device is the one.
    return await linked.catch((error: unknown) => {
      const newest = host.now((engine) => engine.devices()).reduce((most, { device }) => Math.max(most, device), 0);
      if (!isCode(error, "already-linked") || newest === 0) throw error;
      return { device: newest };
    });
  },
  removeDevice: (host, request, device) => done(host, request, "no-such-device", (engine) => engine.removeDevice(device)),
  setReadReceipts: async (host, request, tell) => {
    await host.ask((engine) => engine.setReadReceipts(tell));
    request.publish({ what: "settings", readReceipts: tell });
    return undefined;
  },
  backup: async (host, request, passphrase) => {
    const { parts } = await host.save((engine) => engine.backup(passphrase), request);
    return new Blob(parts, { type: "application/octet-stream" });
  },
  online: async (host, request, within) => {
    await host.until(({ connection }) => connection.state !== "connecting" && connection.state !== "linking", within, request.signal);
    await host.until(({ connection }) => connection.state === "online", 0, request.signal);
    return undefined;
  },
  settled: (host, request, within) => until(host, request, within, (status) => status.settled),
  caughtUp: (host, request, within) => until(host, request, within, (status) => status.caughtUp),
  linked: (host, request, within) => until(host, request, within, (status) => status.stage === "ready" || status.connection.state === "ended"),
  reconnect: (host) => {
    host.tell((engine) => {
      engine.reconnect();
    });
    return undefined;
  },
  deleteAccount: (host, request) => done(host, request, "account-gone", (engine) => engine.deleteAccount()),
};

/** Does what is asked. */
export async function serve<M extends Method>(host: Host, method: M, args: Args<M>, request: Request): Promise<Result<M>> {
  const served: (host: Host, request: Request, ...args: Args<M>) => unknown = SERVED[method];
  // The engine gives what its types say; the ABI is one table in crates/wasm.
  return (await served(host, request, ...args)) as Result<M>;
}

/** Whether a method is one. */
export function isMethod(method: string): method is Method {
  return Object.hasOwn(SERVED, method);
}

async function until(host: Host, request: Request, within: number, holds: (status: Status) => boolean): Promise<undefined> {
  await host.until(holds, within, request.signal);
  return undefined;
}

/** Something that was done already where it is asked for again and refused so. */
async function done(host: Host, request: Request, doneAlready: SpragError["code"], start: Parameters<Host["ask"]>[0]): Promise<undefined> {
  try {
    await host.ask(start);
  } catch (error) {
    if (!(request.again && isCode(error, doneAlready))) throw error;
  }
  return undefined;
}

/** Other tabs hear of what was written here. */
async function tellOwn(host: Host, request: Request, sent: Sent): Promise<void> {
  try {
    const [entry] = (await host.ask((engine) => engine.historyFrom(sent.to, sent.position, 1))) as Entry[];
    if (entry !== undefined) request.publish({ what: "entry", conversation: sent.to, entry });
  } catch {
    // It is kept and will be sent; who looks at the conversation sees it.
  }
}

function isCode(error: unknown, code: SpragError["code"]): boolean {
  return isSpragError(error) && error.code === code;
}
