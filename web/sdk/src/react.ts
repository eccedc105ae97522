/** Hooks for React. They are safe under StrictMode, and on a server they show the state before anything is known. */

import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import type { Client, Comparison, Connection, Conversation, Entry, OpenOptions, SafetyNumber, Sent, Trust } from "sprag";
import { open, SpragError } from "sprag";

/** How long a client stays that nobody uses: StrictMode, and a page that changes, come back at once. */
const LINGER = 1000;

interface Loading<T> {
  value: T;
  loading: boolean;
  error: SpragError | undefined;
}

/** Asks again whenever something happens, and keeps the last answer meanwhile. */
function useAsked<T>(client: Client | undefined, initial: T, ask: (client: Client) => Promise<T>, subscribe: (client: Client, again: () => void) => (() => void)[]): Loading<T> {
  const [state, setState] = useState<Loading<T>>({ value: initial, loading: true, error: undefined });
  useEffect(() => {
    if (client === undefined) return undefined;
    let over = false;
    let asking = false;
    let again = false;
    const look = async (): Promise<void> => {
      again = true;
      if (asking) return;
      asking = true;
      while (again && !isOver()) {
        again = false;
        try {
          const value = await ask(client);
          if (!isOver()) setState({ value, loading: false, error: undefined });
        } catch (error) {
          if (!isOver()) setState((before) => ({ ...before, loading: false, error: asError(error) }));
        }
      }
      asking = false;
    };
    const isOver = (): boolean => over;
    const ends = subscribe(client, () => void look());
    ends.push(client.on("refresh", () => void look()));
    setState((before) => (before.loading ? before : { value: initial, loading: true, error: undefined }));
    void look();
    return () => {
      over = true;
      for (const end of ends) end();
    };
  }, [client, initial, ask, subscribe]);
  return state;
}

function asError(error: unknown): SpragError {
  return error instanceof SpragError ? error : new SpragError("internal", { cause: error });
}

// ---------------------------------------------------------------- opening

interface Opened {
  client: Promise<Client>;
  users: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

const opened = new Map<string, Opened>();

/** Opens once for each account, however often it is rendered, and closes a while after the last user is gone. */
export function useSprag(options: OpenOptions | undefined): { client: Client | undefined; error: SpragError | undefined; loading: boolean } {
  const key = options === undefined ? undefined : JSON.stringify([options.relay, options.user, options.mode, options.store?.kind]);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  const [state, setState] = useState<{ client: Client | undefined; error: SpragError | undefined }>({ client: undefined, error: undefined });
  useEffect(() => {
    if (key === undefined) return undefined;
    let over = false;
    const entry = opened.get(key) ?? { client: open(latest.current), users: 0, timer: undefined };
    opened.set(key, entry);
    entry.users += 1;
    clearTimeout(entry.timer);
    entry.client.then(
      (client) => {
        if (!over) setState({ client, error: undefined });
      },
      (error: unknown) => {
        opened.delete(key);
        if (!over) setState({ client: undefined, error: asError(error) });
      },
    );
    return () => {
      over = true;
      setState({ client: undefined, error: undefined });
      entry.users -= 1;
      if (entry.users > 0) return;
      entry.timer = setTimeout(() => {
        if (opened.get(key) === entry) opened.delete(key);
        void entry.client.then((client) => client.close()).catch(() => undefined);
      }, LINGER);
    };
  }, [key]);
  return { ...state, loading: key !== undefined && state.client === undefined && state.error === undefined };
}

// ---------------------------------------------------------------- the connection

/** What is between the client and its relay. */
export function useConnection(client: Client | undefined): Connection | undefined {
  const subscribe = useCallback((changed: () => void) => client?.on("connection", changed) ?? (() => undefined), [client]);
  return useSyncExternalStore(
    subscribe,
    () => client?.connection,
    () => undefined,
  );
}

// ---------------------------------------------------------------- conversations

const NO_CONVERSATIONS: readonly Conversation[] = [];
const askConversations = async (client: Client): Promise<readonly Conversation[]> => await client.conversations();
const hearConversations = (client: Client, again: () => void): (() => void)[] => [
  client.on("entry", again),
  client.on("conversation", again),
  client.on("keyChanged", again),
  client.on("state", again),
];

/** All conversations, the one in which something happened last first. */
export function useConversations(client: Client | undefined): { conversations: readonly Conversation[]; loading: boolean; error: SpragError | undefined } {
  const { value, loading, error } = useAsked(client, NO_CONVERSATIONS, askConversations, hearConversations);
  return { conversations: value, loading, error };
}

function useHearing(user: string): (client: Client, again: () => void) => (() => void)[] {
  return useCallback(
    (client, again) => {
      const mine = (event: { with: string }): void => {
        if (event.with === user) again();
      };
      return [client.on("entry", mine), client.on("conversation", mine), client.on("keyChanged", mine), client.on("state", mine)];
    },
    [user],
  );
}

/** One conversation. */
export function useConversation(
  client: Client | undefined,
  user: string,
): { conversation: Conversation | undefined; loading: boolean; error: SpragError | undefined; send: (text: string) => Promise<Sent>; markRead: (through?: number) => Promise<void> } {
  const ask = useCallback(async (client: Client) => await client.conversation(user), [user]);
  const { value, loading, error } = useAsked<Conversation | undefined>(client, undefined, ask, useHearing(user));
  const send = useCallback(async (text: string) => await there(client).send(user, text), [client, user]);
  const markRead = useCallback(
    async (through?: number) => {
      await there(client).markRead(user, through);
    },
    [client, user],
  );
  return { conversation: value, loading, error, send, markRead };
}

function there(client: Client | undefined): Client {
  if (client === undefined) throw new SpragError("not-ready");
  return client;
}

const NO_MESSAGES: readonly Entry[] = [];

/** The newest messages of a conversation, oldest first, and older ones on request. */
export function useMessages(
  client: Client | undefined,
  user: string,
  options: { limit?: number } = {},
): { messages: readonly Entry[]; loading: boolean; error: SpragError | undefined; hasMore: boolean; loadMore: () => Promise<void> } {
  const { limit = 50 } = options;
  const wanted = useRef(limit);
  const again = useRef<() => void>(() => undefined);
  useEffect(() => {
    wanted.current = limit;
  }, [user, limit]);
  const ask = useCallback(async (client: Client): Promise<readonly Entry[]> => await client.messages(user, { limit: wanted.current }), [user]);
  const hear = useHearing(user);
  const subscribe = useCallback(
    (client: Client, look: () => void) => {
      again.current = look;
      return hear(client, look);
    },
    [hear],
  );
  const { value, loading, error } = useAsked(client, NO_MESSAGES, ask, subscribe);
  const first = value[0];
  const hasMore = first !== undefined && first.position > 0;
  const loadMore = useCallback(() => {
    wanted.current += limit;
    again.current();
    return Promise.resolve();
  }, [limit]);
  return { messages: value, loading, error, hasMore, loadMore };
}

// ---------------------------------------------------------------- who somebody is

interface Verifying {
  safetyNumber: SafetyNumber | undefined;
  offered: SafetyNumber | undefined;
  trust: Trust | undefined;
}

const NOT_KNOWN: Verifying = { safetyNumber: undefined, offered: undefined, trust: undefined };

/** The safety number with an account, and what came of comparing it. */
export function useVerification(
  client: Client | undefined,
  user: string,
): Verifying & {
  loading: boolean;
  error: SpragError | undefined;
  result: Comparison | undefined;
  verify: (theirs: string | Uint8Array) => Promise<Comparison>;
  setVerified: (verified: boolean) => Promise<void>;
  acceptKey: () => Promise<void>;
} {
  const [result, setResult] = useState<{ user: string; outcome: Comparison } | undefined>(undefined);
  const ask = useCallback(
    async (client: Client): Promise<Verifying> => {
      const safetyNumber = await client.safetyNumber(user);
      const trust = (await client.peer(user))?.trust;
      const offered = trust?.state === "key-changed" ? await client.safetyNumber(user, { offered: true }) : undefined;
      return { safetyNumber, offered, trust };
    },
    [user],
  );
  const hear = useCallback(
    (client: Client, again: () => void) => {
      const mine = (event: { with: string }): void => {
        if (event.with === user) again();
      };
      return [client.on("conversation", mine), client.on("keyChanged", mine)];
    },
    [user],
  );
  const { value, loading, error } = useAsked(client, NOT_KNOWN, ask, hear);
  const number = value.offered ?? value.safetyNumber;
  const verify = useCallback(
    async (theirs: string | Uint8Array) => {
      if (number === undefined) throw new SpragError("not-ready");
      const outcome = await number.verify(theirs);
      setResult({ user, outcome });
      return outcome;
    },
    [number, user],
  );
  const setVerified = useCallback(
    async (verified: boolean) => {
      await there(client).setVerified(user, verified);
    },
    [client, user],
  );
  const acceptKey = useCallback(async () => {
    await there(client).acceptKey(user);
  }, [client, user]);
  return useMemo(
    () => ({ ...value, loading, error, result: result?.user === user ? result.outcome : undefined, verify, setVerified, acceptKey }),
    [value, loading, error, result, user, verify, setVerified, acceptKey],
  );
}
