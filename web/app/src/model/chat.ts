/** The chat of somebody who is in: conversations, what happens in them, notices, and where one is. */
import { batch, computed, effect, signal } from "@preact/signals-core";
import { Drafts, type DraftKeeper } from "./drafts.js";
import { normalName } from "./names.js";
import { Places, type Steps } from "./place.js";
import { Searching } from "./searching.js";
import type { Client, Connection, Conversation, Entry, Events } from "./sprag.js";
import { Talk } from "./talk.js";
import { Transfers } from "./transfers.js";
import { Verifying } from "./verifying.js";
import { explain, type Problem } from "./words.js";

/** A conversation in the list. */
export interface Row {
  readonly conversation: Conversation;
  readonly last: Entry | undefined;
}

/** Something that a person should know, until it is put away. */
export interface Notice {
  readonly key: string;
  readonly tone: "info" | "caution" | "bad";
  readonly title: string;
  readonly text: string;
}

export class Chat {
  readonly client: Client;
  readonly drafts: Drafts;
  readonly places: Places;
  readonly transfers: Transfers;
  readonly searching: Searching;
  readonly rows = signal<readonly Row[]>([]);
  readonly isLoaded = signal(false);
  readonly connection = signal<Connection>({ state: "connecting" });
  readonly notices = signal<readonly Notice[]>([]);
  /** Changes whenever devices or settings may have. */
  readonly changes = signal(0);
  /** The conversation that is open, also below its verification. */
  readonly talk = signal<Talk | undefined>(undefined);
  readonly verifying = signal<Verifying | undefined>(undefined);
  readonly unread = computed(() => this.rows.value.reduce((sum, { conversation }) => sum + conversation.unread, 0));
  readonly waiting = computed(() => this.rows.value.reduce((sum, { conversation }) => sum + conversation.waiting, 0));
  readonly #lasts = new Map<string, Entry>();
  readonly #ends: (() => void)[] = [];
  readonly #ended: () => void;
  #loading = false;
  #isStale = false;
  #jump: { user: string; position: number } | undefined;

  constructor(client: Client, steps: Steps, keeper: DraftKeeper, ended: () => void) {
    this.client = client;
    this.drafts = new Drafts(keeper);
    this.places = new Places(steps);
    this.transfers = new Transfers(client);
    this.searching = new Searching(client);
    this.connection.value = client.connection;
    this.#ended = ended;
    this.#listen();
    this.#ends.push(effect(() => { this.#follow(); }));
  }

  async start(): Promise<void> {
    await Promise.all([this.drafts.load(), this.loadRows()]);
  }

  stop(): void {
    for (const end of this.#ends) end();
    this.talk.value?.close();
  }

  /** Opens a conversation; with a position, there. */
  show(user: string, position?: number): void {
    const talk = this.talk.value;
    if (position !== undefined && talk?.with === user && this.places.now.value.at === "talk") {
      void talk.jump(position);
      return;
    }
    this.#jump = position === undefined ? undefined : { user, position };
    this.places.go({ at: "talk", with: user });
  }

  /** Gets to know somebody, and opens the conversation. What went wrong, where something did. */
  async begin(typed: string): Promise<Problem | undefined> {
    const name = normalName(typed);
    try {
      const peer = await this.client.meet(name);
      this.places.replace({ at: "talk", with: peer.name });
      await this.loadRows();
      return undefined;
    } catch (error) {
      return explain(error);
    }
  }

  /** The conversation above (-1) or below (1) the one that is open. */
  step(by: -1 | 1): void {
    const rows = this.rows.value;
    const place = this.places.now.value;
    const open = "with" in place ? place.with : undefined;
    const at = rows.findIndex(({ conversation }) => conversation.with === open);
    const next = at < 0 ? rows[0] : rows[at + by];
    if (next !== undefined) this.show(next.conversation.with);
  }

  putAway(key: string): void {
    this.notices.value = this.notices.value.filter((notice) => notice.key !== key);
  }

  /** Asks for the conversations; one question at a time. */
  async loadRows(): Promise<void> {
    if (this.#loading) {
      this.#isStale = true;
      return;
    }
    this.#loading = true;
    try {
      do {
        this.#isStale = false;
        await this.#ask();
      } while (this.#isStale as boolean);
    } catch (error) {
      this.#say({ key: "list", tone: "bad", title: "The conversations cannot be read", text: explain(error).remedy });
    } finally {
      this.#loading = false;
    }
  }

  async #ask(): Promise<void> {
    const conversations = await this.client.conversations();
    const unknown = conversations.filter((it) => it.entries > 0 && !this.#lasts.has(it.with));
    await Promise.all(unknown.map(async ({ with: user }) => {
      const last = (await this.client.messages(user, { limit: 1 })).at(-1);
      if (last !== undefined) this.#last(user, last);
    }));
    batch(() => {
      this.rows.value = conversations.map((conversation) => ({ conversation, last: this.#lasts.get(conversation.with) }));
      this.isLoaded.value = true;
    });
  }

  #last(user: string, entry: Entry): void {
    if (entry.position >= (this.#lasts.get(user)?.position ?? -1)) this.#lasts.set(user, entry);
  }

  /** Makes what belongs to the place one is at. */
  #follow(): void {
    const place = this.places.now.value;
    const user = "with" in place ? place.with : undefined;
    const talk = this.talk.peek();
    if (user !== talk?.with) {
      talk?.close();
      const next = user === undefined ? undefined : new Talk(user, this.client, this.drafts);
      this.talk.value = next;
      const jump = this.#jump?.user === user ? this.#jump?.position : undefined;
      void next?.open(jump);
    } else if (this.#jump !== undefined && this.#jump.user === user) {
      void talk?.jump(this.#jump.position);
    }
    this.#jump = undefined;
    if (place.at !== "verify") this.verifying.value = undefined;
    else if (this.verifying.peek()?.with !== place.with) {
      const verifying = new Verifying(place.with, this.client);
      this.verifying.value = verifying;
      void verifying.load();
    }
  }

  #listen(): void {
    const { client } = this;
    const on = <K extends keyof Events>(event: K, listener: (event: Events[K]) => void) => {
      this.#ends.push(client.on(event, listener));
    };
    on("connection", (connection) => { this.connection.value = connection; });
    on("entry", ({ with: user, entry }) => {
      this.#last(user, entry);
      if (this.talk.value?.with === user) this.talk.value.heard(entry);
      void this.loadRows();
    });
    on("state", (event) => {
      const last = this.#lasts.get(event.with);
      if (last?.kind === "message" && last.id === event.id) {
        this.#lasts.set(event.with, { ...last, state: event.state, failure: event.failure });
      }
      if (this.talk.value?.with === event.with) this.talk.value.walked(event);
      void this.loadRows();
    });
    on("conversation", ({ with: user }) => { this.#changed(user); });
    on("keyChanged", ({ with: user }) => { this.#changed(user); });
    on("devices", () => { this.changes.value += 1; });
    on("settings", () => { this.changes.value += 1; });
    on("refresh", () => { void this.#anew(); });
    on("closed", () => { this.#ended(); });
    this.#listenForTrouble(on);
  }

  #listenForTrouble(on: <K extends keyof Events>(event: K, listener: (event: Events[K]) => void) => void): void {
    on("unreadable", ({ from }) => {
      this.#say({ key: `unreadable ${from}`, tone: "caution", title: `A message from ${from} could not be read`, text: "It was asked for again by itself. If it does not come, ask them to send it once more." });
    });
    on("relayLies", ({ account }) => {
      this.#say({ key: `lies ${account}`, tone: "bad", title: `The relay says something about ${account} that cannot be true`, text: "It was not taken. Tell whoever runs the relay; until then, verify safety numbers with care." });
    });
    on("startedAfresh", () => {
      this.#say({ key: "afresh", tone: "info", title: "This browser runs on an older copy of its data", text: "All sessions have started afresh, so no key is used twice. Messages of the time between may be missing here." });
    });
    on("cloned", () => {
      this.#say({ key: "cloned", tone: "bad", title: "Another copy of this device is in use", text: "Use only one of them. If you made no copy, remove this device from another one and link it anew." });
    });
    on("storeFailed", (error) => {
      this.#say({ key: "store", tone: "bad", title: "This browser could not keep something", text: `${explain(error).text} ${explain(error).remedy}` });
    });
    on("removed", () => {
      this.#say({ key: "removed", tone: "bad", title: "This device was removed from its account", text: "What is here can still be read. To take part again, forget it in the settings and link this browser anew." });
    });
  }

  #changed(user: string): void {
    if (this.talk.value?.with === user) void this.talk.value.look();
    if (this.verifying.value?.with === user) void this.verifying.value.load();
    void this.loadRows();
  }

  /** Another tab leads, or something was missed. */
  async #anew(): Promise<void> {
    this.#lasts.clear();
    this.changes.value += 1;
    this.connection.value = this.client.connection;
    await Promise.all([this.loadRows(), this.talk.value?.reload()]);
  }

  #say(notice: Notice): void {
    this.notices.value = [...this.notices.value.filter((it) => it.key !== notice.key), notice];
  }
}
