// The types of the package as its users meet them; checked by `npm run types`, never run.

import type { JSX } from "react";

import { file, indexedDb, memory, open, type Client, type Entry, type Events, type SpragError } from "sprag";
import { useConversation, useMessages, useSprag, useVerification } from "sprag/react";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Equal<A, B>): void => undefined;

export async function example(client: Client): Promise<void> {
  same<Awaited<ReturnType<typeof open>>, Client>(true);
  same<Awaited<ReturnType<Client["messages"]>>, Entry[]>(true);
  same<Parameters<Parameters<typeof client.on<"storeFailed">>[1]>[0], SpragError>(true);
  same<Events["keyChanged"], { with: string }>(true);
  const entry = (await client.messages("bob"))[0];
  if (entry?.kind === "message") same<typeof entry.state, "queued" | "sending" | "sent" | "delivered" | "read" | "failed" | undefined>(true);
  // @ts-expect-error what changed a key has no text
  if (entry?.kind === "key-changed") same<typeof entry.text, string>(true);
  for (const store of [memory(), indexedDb("chat"), file("x")]) await open({ store, mode: "existing" });
  // @ts-expect-error a store is made by a function
  await open({ store: { kind: "memory" } });
  // @ts-expect-error no such mode
  await open({ mode: "maybe" });
}

export function Talk(): JSX.Element {
  const { client, error } = useSprag({ user: "alice" });
  const { messages, hasMore } = useMessages(client, "bob");
  const { send } = useConversation(client, "bob");
  const { result } = useVerification(client, "bob");
  same<typeof hasMore, boolean>(true);
  same<typeof error, SpragError | undefined>(true);
  void send("hello");
  return <p>{messages.length + (result === "match" ? 1 : 0)}</p>;
}
