/**
 * The tabs that share a profile. Web Locks choose the one that leads: it has the engine and the connection. The others follow:
 * what they want goes to it over a BroadcastChannel, and what happens comes back. When it is gone, the lock goes to the next, which
 * loads the engine out of the rows. Then everything that was asked and not answered is asked again, by the same id: a
 * message is named by that id, so it is not sent twice.
 */

import { asSpragError, plain, revive, SpragError, type PlainError } from "./error.js";
import type { Extras, Host, Progress } from "./host.js";
import type { Place } from "./rows.js";
import { isMethod, serve, type Args, type Method, type Published, type Result } from "./service.js";
import type { Status } from "./engine.js";

/** After so long without a sign of life, the leader is asked for one; and after so long again, its lead is taken. */
const PATIENCE = 4000;

/** What a tab learns of the profile when it joins. */
export interface Snapshot {
  status: Status;
}

/** What the tabs say to each other. */
type Wire =
  | { say: "hello" }
  | { say: "lead"; term: string; snapshot: Snapshot }
  | { say: "ask"; id: string; method: string; args: unknown[]; again: boolean; progress: boolean }
  | { say: "answer"; to: string; id: string; value: unknown }
  | { say: "refuse"; to: string; id: string; error: PlainError }
  | { say: "progress"; to: string; id: string; progress: Progress }
  | { say: "abort"; id: string }
  | { say: "happening"; happening: Published }
  | { say: "ping" }
  | { say: "pong" }
  | { say: "wake" }
  | { say: "over"; why: PlainError };

/** What a crew tells its client. */
export interface CrewEvents {
  happening: (happening: Published) => void;
  /** Somebody else leads now, or this tab. */
  changed: () => void;
  /** It is over. */
  ended: (why: SpragError) => void;
}

/** What a crew is made for. */
export interface Mission {
  place: Place;
  /** Makes the engine, where this tab leads. `first`: nobody led before in this tab's life. */
  lead: (first: boolean, crew: Crew) => Promise<{ host: Host; close: () => Promise<void> }>;
  /** Another tab leads: whether that suits, and what will be needed to take over. */
  follow: (snapshot: Snapshot) => Promise<void>;
}

interface Pending {
  method: Method;
  args: unknown[];
  extras: Extras;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** Whether a leader has it. */
  asked: boolean;
}

interface Led {
  host: Host;
  close: () => Promise<void>;
}

/** This tab's place among them. */
export class Crew {
  readonly #mission: Mission;
  readonly #events: CrewEvents;
  readonly #me = drawId();
  readonly #pending = new Map<string, Pending>();
  /** Of other tabs, while this one leads. */
  readonly #serving = new Map<string, AbortController>();
  readonly #over = new AbortController();
  #channel: BroadcastChannel | undefined;
  #led: Led | undefined;
  #term: string | undefined;
  #heard = 0;
  #watch: ReturnType<typeof setInterval> | undefined;
  #release: (() => void) | undefined;
  #joined: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  #why: SpragError | undefined;
  #snapshot: Snapshot | undefined;
  #following = false;

  private constructor(mission: Mission, events: CrewEvents) {
    this.#mission = mission;
    this.#events = events;
  }

  /** Joins: leads where nobody does, else follows. */
  static async join(mission: Mission, events: CrewEvents): Promise<Crew> {
    const crew = new Crew(mission, events);
    if (mission.place.shared) await crew.#seek();
    else await crew.#take(true);
    return crew;
  }

  /** Whether this tab leads. */
  get leading(): boolean {
    return this.#led !== undefined;
  }

  /** How the engine was when this tab heard of it first. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Asks the leader. */
  async call<M extends Method>(method: M, args: Args<M>, extras: Extras = {}, id = drawId()): Promise<Result<M>> {
    if (this.#why !== undefined) throw this.#why;
    if (extras.signal?.aborted === true) throw new SpragError("ABORTED");
    const answered = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { method, args, extras, resolve, reject, asked: false });
    });
    const abort = (): void => {
      this.#say({ say: "abort", id });
      this.#pending.get(id)?.reject(new SpragError("ABORTED"));
    };
    extras.signal?.addEventListener("abort", abort, { once: true });
    this.#ask(id);
    try {
      // The leader does what the table of methods says.
      return (await answered) as Result<M>;
    } finally {
      extras.signal?.removeEventListener("abort", abort);
      this.#pending.delete(id);
    }
  }

  /** A tab was hidden, and is seen again; or the network came or went. */
  wake(network?: "online" | "offline"): void {
    const host = this.#led?.host;
    if (host === undefined) {
      this.#say({ say: "wake" });
      return;
    }
    if (network === "offline") host.lostNetwork();
    host.wake();
    if (network !== "offline") {
      host.tell((engine) => {
        engine.reconnect();
      });
    }
  }

  /** Leaves; with `why`, for all tabs. */
  async leave(why?: SpragError): Promise<void> {
    if (this.#why !== undefined) return;
    if (why !== undefined) this.#say({ say: "over", why: plain(why) });
    await this.#end(why ?? new SpragError("closed"));
  }

  async #end(why: SpragError): Promise<void> {
    if (this.#why !== undefined) return;
    this.#why = why;
    clearInterval(this.#watch);
    const led = this.#led;
    this.#led = undefined;
    await led?.close();
    this.#over.abort();
    this.#release?.();
    this.#channel?.close();
    for (const call of this.#pending.values()) call.reject(why);
    for (const call of this.#serving.values()) call.abort();
    this.#joined?.reject(why);
    this.#events.ended(why);
  }

  // ---------------------------------------------------------------- who leads

  async #seek(): Promise<void> {
    const locks = (navigator as Partial<Navigator>).locks;
    if (locks === undefined) throw new SpragError("NO_WEBCRYPTO");
    const channel = new BroadcastChannel(this.#mission.place.name);
    this.#channel = channel;
    channel.onmessage = ({ data }: MessageEvent<{ from: string; wire: Wire }>) => {
      this.#hear(data.from, data.wire);
    };
    const joined = new Promise<void>((resolve, reject) => {
      this.#joined = { resolve, reject };
    });
    this.#queue(locks, {});
    this.#say({ say: "hello" });
    this.#heard = Date.now();
    this.#watch = setInterval(() => {
      this.#check(locks);
    }, PATIENCE / 4);
    try {
      await joined;
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  /** Waits for the lock, and holds it as long as this tab leads. */
  #queue(locks: LockManager, options: LockOptions): void {
    const granted = async (): Promise<void> => {
      if (this.#why !== undefined || this.#led !== undefined) return;
      await this.#take(false);
      await new Promise<void>((resolve) => {
        this.#release = resolve;
        if (this.#why !== undefined || this.#led === undefined) resolve();
      });
    };
    // A lock that was taken away, or is not wanted any more, ends like this.
    locks.request(this.#mission.place.name, options.steal === true ? options : { signal: this.#over.signal, ...options }, granted).catch(() => {
      if (this.#why === undefined && this.#led !== undefined) this.#depose(locks);
    });
  }

  async #take(alone: boolean): Promise<void> {
    const first = !this.#following;
    try {
      const led = await this.#mission.lead(first, this);
      if (this.#why !== undefined) {
        await led.close();
        return;
      }
      this.#led = led;
      this.#term = drawId();
      this.#following = true;
      this.#snapshot = { status: led.host.status() };
    } catch (error) {
      const why = asSpragError(error);
      if (this.#joined !== undefined) this.#joined.reject(why);
      else if (alone) throw why;
      else await this.#end(why);
      return;
    }
    this.#announce();
    for (const id of this.#pending.keys()) this.#ask(id);
    this.#joined?.resolve();
    this.#joined = undefined;
    if (!first) this.#events.changed();
  }

  #announce(): void {
    const led = this.#led;
    if (led === undefined || this.#term === undefined) return;
    this.#say({ say: "lead", term: this.#term, snapshot: { status: led.host.status() } });
  }

  /** Another tab has taken the lead: whatever this one had under way goes to it. */
  #depose(locks: LockManager): void {
    const led = this.#led;
    this.#led = undefined;
    this.#term = undefined;
    led?.host.end(new SpragError("in-use"));
    void led?.close();
    for (const call of this.#serving.values()) call.abort();
    this.#serving.clear();
    this.#heard = Date.now();
    this.#queue(locks, {});
    this.#say({ say: "hello" });
    this.#events.changed();
  }

  /** The host has ended by itself. */
  hostEnded(why: SpragError): void {
    const locks = (navigator as Partial<Navigator> | undefined)?.locks;
    if (why.code === "in-use" && this.#mission.place.shared && locks !== undefined) {
      if (this.#led !== undefined) this.#depose(locks);
      return;
    }
    this.#say({ say: "over", why: plain(why) });
    void this.#end(why);
  }

  /** A leader that does not answer is stuck, in a dialogue or a debugger: the next one takes over. */
  #check(locks: LockManager): void {
    if (this.#led !== undefined || this.#why !== undefined || this.#term === undefined) return;
    const silent = Date.now() - this.#heard;
    const waits = [...this.#pending.values()].some((call) => call.asked);
    if (!waits || silent < PATIENCE) return;
    if (silent < 2 * PATIENCE) {
      this.#say({ say: "ping" });
      return;
    }
    this.#heard = Date.now();
    this.#queue(locks, { steal: true });
  }

  // ---------------------------------------------------------------- what they say

  #say(wire: Wire): void {
    try {
      this.#channel?.postMessage({ from: this.#me, wire });
    } catch (error) {
      // What cannot be cloned was no plain data; or the channel is closed, and nobody listens.
      if (wire.say === "ask") this.#pending.get(wire.id)?.reject(new SpragError("bad-argument", { cause: error }));
    }
  }

  #hear(from: string, wire: Wire): void {
    if (this.#why !== undefined) return;
    switch (wire.say) {
      case "hello":
        this.#announce();
        break;
      case "lead":
        void this.#follow(wire.term, wire.snapshot);
        break;
      case "ask":
        void this.#serve(from, wire);
        break;
      case "abort":
        this.#serving.get(wire.id)?.abort();
        break;
      case "answer":
      case "refuse":
      case "progress":
        this.#heard = Date.now();
        if (wire.to === this.#me) this.#answered(wire);
        break;
      case "happening":
        this.#heard = Date.now();
        if (this.#led === undefined && this.#following) this.#events.happening(wire.happening);
        break;
      case "ping":
        if (this.#led !== undefined) this.#say({ say: "pong" });
        break;
      case "pong":
        this.#heard = Date.now();
        break;
      case "wake":
        if (this.#led !== undefined) this.wake();
        break;
      case "over":
        void this.#end(revive(wire.why));
        break;
    }
  }

  async #follow(term: string, snapshot: Snapshot): Promise<void> {
    this.#heard = Date.now();
    if (this.#led !== undefined || term === this.#term) return;
    this.#term = term;
    this.#snapshot = snapshot;
    if (!this.#following) {
      try {
        await this.#mission.follow(snapshot);
      } catch (error) {
        this.#joined?.reject(error);
        return;
      }
      this.#following = true;
      this.#joined?.resolve();
      this.#joined = undefined;
    } else {
      this.#events.changed();
    }
    for (const id of this.#pending.keys()) this.#ask(id);
  }

  /** Has a call done, here or by the leader; where there is none, the next one is asked. */
  #ask(id: string): void {
    const call = this.#pending.get(id);
    if (call === undefined) return;
    const again = call.asked;
    if (this.#led !== undefined) {
      call.asked = true;
      void this.#serveOwn(this.#led.host, id, call, again);
    } else if (this.#term !== undefined) {
      call.asked = true;
      this.#say({ say: "ask", id, method: call.method, args: call.args, again, progress: call.extras.onProgress !== undefined });
    }
  }

  async #serveOwn(host: Host, id: string, call: Pending, again: boolean): Promise<void> {
    try {
      const args = call.args as Args<Method>;
      call.resolve(await serve(host, call.method, args, { ...call.extras, again, publish: this.publish }));
    } catch (error) {
      // Deposed while it was under way: the next leader is asked the same.
      if (this.#why === undefined && this.#led?.host !== host && asSpragError(error).code === "in-use") {
        if (this.#led !== undefined) this.#ask(id);
        return;
      }
      call.reject(asSpragError(error));
    }
  }

  async #serve(from: string, ask: Wire & { say: "ask" }): Promise<void> {
    const host = this.#led?.host;
    // The same may come twice: to a new leader from a tab that heard of it twice.
    if (host === undefined || !isMethod(ask.method) || this.#serving.has(ask.id)) return;
    const control = new AbortController();
    this.#serving.set(ask.id, control);
    const answer = { to: from, id: ask.id };
    const onProgress = (progress: Progress): void => {
      this.#say({ say: "progress", ...answer, progress });
    };
    try {
      const extras: Extras = ask.progress ? { signal: control.signal, onProgress } : { signal: control.signal };
      const args = ask.args as Args<Method>;
      const value = await serve(host, ask.method, args, { ...extras, again: ask.again, publish: this.publish });
      if (this.#led?.host === host) this.#say({ say: "answer", ...answer, value });
    } catch (error) {
      // Where this tab does not lead any more, the next leader answers.
      if (this.#led?.host === host) this.#say({ say: "refuse", ...answer, error: plain(error) });
    }
    this.#serving.delete(ask.id);
  }

  #answered(wire: Wire & { say: "answer" | "refuse" | "progress" }): void {
    const call = this.#pending.get(wire.id);
    if (call === undefined) return;
    if (wire.say === "progress") call.extras.onProgress?.(wire.progress);
    else if (wire.say === "answer") call.resolve(wire.value);
    else call.reject(revive(wire.error));
  }

  /** Tells all tabs. */
  readonly publish = (happening: Published): void => {
    this.#say({ say: "happening", happening });
    this.#events.happening(happening);
  };
}

/** 16 random bytes in hex: what a request is known by, and a message. */
export function drawId(): string {
  let text = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) text += byte.toString(16).padStart(2, "0");
  return text;
}
