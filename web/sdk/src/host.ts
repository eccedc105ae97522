/**
 * The hands of the engine, where it runs: the pump, rows, calls, the socket, the timer, files. Whatever the engine wants is done in
 * its order, and nothing of a commit is let out before that is durable: the engine itself gives it out only then.
 */

import type { Action, Engine, Happening, HttpRequest, Row, RowChange, Status } from "./engine.js";
import { asSpragError, calling, ofFault, SpragError } from "./error.js";
import type { Guard, RowStore } from "./rows.js";

/** The longest sleep before the clock is looked at again: it may have been set, or the machine slept. */
const NAP = 30_000;
/** So much later than planned, and the machine slept: whatever connection there was is dead. */
const SLEPT = 90_000;
/** No answer of a relay is longer. */
const LONGEST_ANSWER = 1_200_000;

/** Progress of a file. */
export interface Progress {
  done: number;
  total: number;
}

/** What goes along with a call that takes long. */
export interface Extras {
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/** What a host is made of. */
export interface HostParts {
  engine: Engine;
  rows: RowStore;
  /** Of a new profile: kept with the first commit. */
  guard: Guard | undefined;
  socket: (url: string, protocols: string[]) => Promise<WebSocket> | WebSocket;
  publish: (happening: Happening) => void;
  /** It cannot go on; why. */
  ended: (why: SpragError) => void;
}

interface Ticket {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  file: Blob | undefined;
  saved: BlobPart[];
  onProgress: ((progress: Progress) => void) | undefined;
}

interface Waiter {
  holds: (status: Status) => boolean;
  resolve: () => void;
}

/** An engine at work. */
export class Host {
  readonly engine: Engine;
  readonly #parts: HostParts;
  #guard: Guard | undefined;
  #relay = "";
  readonly #tickets = new Map<number, Ticket>();
  readonly #waiters = new Set<Waiter>();
  readonly #calls = new Set<AbortController>();
  #socket: { number: number; ws: WebSocket | undefined } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = Infinity;
  #running: Promise<void> | undefined;
  #again = false;
  #closing = false;
  #over: SpragError | undefined;
  #opened: { resolve: () => void; reject: (error: unknown) => void } | undefined;

  constructor(parts: HostParts) {
    this.engine = parts.engine;
    this.#parts = parts;
    this.#guard = parts.guard;
    parts.rows.onLost = () => {
      this.end(new SpragError("STORAGE_EVICTED"));
    };
  }

  /** Starts, and resolves once the profile is loaded, or made and kept. */
  async open(): Promise<void> {
    const opened = new Promise<void>((resolve, reject) => {
      this.#opened = { resolve, reject };
    });
    void this.#pump();
    await opened;
  }

  /** How the engine is. */
  status(): Status {
    this.#check();
    return calling(() => this.engine.status(Date.now()));
  }

  /** Asks the engine something that it answers at once. */
  now<T>(ask: (engine: Engine) => T): T {
    this.#check();
    return calling(() => ask(this.engine));
  }

  /** Tells the engine something. */
  tell(what: (engine: Engine) => void): void {
    if (this.#over !== undefined) return;
    try {
      what(this.engine);
    } catch (error) {
      this.#trapped(error);
      return;
    }
    void this.#pump();
  }

  /** Something that the engine answers later. */
  async ask(start: (engine: Engine) => number, extras: Extras & { file?: Blob } = {}): Promise<unknown> {
    return (await this.#ticket(start, extras)).value;
  }

  /** The same, with the bytes that it gave. */
  async save(start: (engine: Engine) => number, extras: Extras): Promise<{ value: unknown; parts: BlobPart[] }> {
    return await this.#ticket(start, extras);
  }

  async #ticket(start: (engine: Engine) => number, extras: Extras & { file?: Blob }): Promise<{ value: unknown; parts: BlobPart[] }> {
    this.#check();
    const { signal } = extras;
    if (signal?.aborted === true) throw new SpragError("ABORTED");
    const number = calling(() => start(this.engine));
    const ticket: Ticket = { resolve: nothing, reject: nothing, file: extras.file, saved: [], onProgress: extras.onProgress };
    this.#tickets.set(number, ticket);
    const answered = new Promise<unknown>((resolve, reject) => {
      ticket.resolve = resolve;
      ticket.reject = reject;
    });
    const abort = (): void => {
      ticket.reject(new SpragError("ABORTED"));
      this.tell((engine) => {
        engine.cancel(number);
      });
    };
    signal?.addEventListener("abort", abort, { once: true });
    void this.#pump();
    try {
      return { value: await answered, parts: ticket.saved };
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Waits until something holds; where the time is over, says why it does not. */
  async until(holds: (status: Status) => boolean, within: number, signal?: AbortSignal): Promise<void> {
    if (holds(this.status())) return;
    await new Promise<void>((resolve, reject) => {
      const end = (error?: SpragError): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        signal?.removeEventListener("abort", abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const waiter: Waiter = { holds, resolve: end };
      const abort = (): void => {
        end(new SpragError("ABORTED"));
      };
      const timer = setTimeout(() => {
        end(this.#whyNot());
      }, within);
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiters.add(waiter);
    });
    if (this.#over !== undefined) throw this.#over;
  }

  #whyNot(): SpragError {
    if (this.#over !== undefined) return this.#over;
    const { connection } = this.status();
    if (connection.state === "waiting" || connection.state === "ended") return ofFault(connection.fault);
    return new SpragError(connection.state === "offline" ? "offline" : "timeout");
  }

  /** The browser says that there is no network (any more). */
  lostNetwork(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.ws?.close();
    this.tell((engine) => {
      engine.socketClosed(socket.number);
    });
  }

  /** Looks at the clock: a hidden tab's timers may be late. */
  wake(): void {
    if (Date.now() > this.#due + SLEPT) this.lostNetwork();
    void this.#pump();
  }

  /** Ends the connection and lets go of the engine. The rows stay open. */
  async close(): Promise<void> {
    if (this.#over !== undefined) return;
    this.#closing = true;
    try {
      this.engine.close();
    } catch {
      // It is ended all the same.
    }
    // Until then the rows are in use.
    await this.#pump();
    this.end(new SpragError("closed"));
  }

  /** Nothing more is done from now on. */
  end(why: SpragError): void {
    if (this.#over !== undefined) return;
    this.#over = why;
    clearTimeout(this.#timer);
    this.#socket?.ws?.close();
    for (const call of this.#calls) call.abort();
    for (const ticket of this.#tickets.values()) ticket.reject(why);
    this.#tickets.clear();
    for (const waiter of this.#waiters) waiter.resolve();
    this.#opened?.reject(why);
    if (this.#running === undefined) this.#free();
    if (!this.#closing) this.#parts.ended(why);
  }

  #free(): void {
    try {
      this.engine.free();
    } catch {
      // A module that has trapped frees nothing.
    }
  }

  #check(): void {
    if (this.#over !== undefined) throw this.#over;
  }

  /** The module has trapped: it cannot be used any more. What was committed is there. */
  #trapped(error: unknown): void {
    this.end(asSpragError(error, "system"));
  }

  // One at a time; whoever calls it meanwhile makes it go round again.
  #pump(): Promise<void> {
    this.#again = true;
    if (this.#over === undefined) this.#running ??= this.#run();
    return this.#running ?? Promise.resolve();
  }

  async #run(): Promise<void> {
    // Whoever starts it goes on first: it is not in the middle of something.
    await Promise.resolve();
    try {
      while (await this.#step());
    } catch (error) {
      this.#trapped(error);
    }
    this.#running = undefined;
    if (this.#ended()) this.#free();
    else this.#look();
  }

  /** One step; whether there may be another. */
  async #step(): Promise<boolean> {
    if (this.#over !== undefined) return false;
    this.#again = false;
    const step = this.engine.poll(Date.now());
    switch (step.step) {
      case "commit":
        await this.#commit(step.changes);
        return true;
      case "read": {
        let rows: Row[][] | undefined;
        try {
          rows = await this.#parts.rows.read(step.reads);
        } catch {
          rows = undefined;
        }
        if (this.#ended()) return false;
        if (rows === undefined) this.engine.loadFailed("store-io");
        else this.engine.loaded(rows);
        return true;
      }
      case "act":
        for (const action of step.actions) this.#act(action);
        return true;
      case "idle":
        this.#sleep(step.wakeAt);
        return this.#again;
    }
  }

  async #commit(changes: RowChange[]): Promise<void> {
    try {
      await this.#parts.rows.commit(changes, this.#guard);
    } catch (error) {
      const why = asSpragError(error, "store-io");
      if (this.#ended()) return;
      // Another tab leads: nothing that was wanted here may be done any more.
      if (why.code === "in-use") this.end(why);
      else this.engine.commitFailed(why.code === "disk-full" ? "disk-full" : "store-io");
      return;
    }
    this.#guard = undefined;
    if (!this.#ended()) this.engine.committed();
  }

  #ended(): boolean {
    return this.#over !== undefined;
  }

  #sleep(wakeAt: number | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = wakeAt ?? Infinity;
    if (wakeAt === undefined) return;
    const pause = Math.min(Math.max(wakeAt - Date.now(), 0), NAP);
    const planned = Date.now() + pause;
    this.#timer = setTimeout(() => {
      if (Date.now() > planned + SLEPT) this.lostNetwork();
      void this.#pump();
    }, pause);
  }

  #look(): void {
    if (this.#waiters.size === 0) return;
    const status = this.status();
    for (const waiter of [...this.#waiters]) {
      if (waiter.holds(status)) waiter.resolve();
    }
  }

  #act(action: Action): void {
    switch (action.action) {
      case "request":
        void this.#request(action);
        break;
      case "connect":
        void this.#connect(action.socket, action.url, action.protocols);
        break;
      case "write": {
        const ws = this.#socket?.number === action.socket ? this.#socket.ws : undefined;
        // Where it is not open any more, everything is said again on the next one.
        if (ws?.readyState === 1) ws.send(action.bytes as Uint8Array<ArrayBuffer>);
        break;
      }
      case "hang-up":
        if (this.#socket?.number === action.socket) {
          this.#socket.ws?.close(1000);
          this.#socket = undefined;
        }
        break;
      case "answer":
        this.#take(action.ticket)?.resolve(action.value);
        break;
      case "refuse":
        this.#take(action.ticket)?.reject(ofFault(action.fault));
        break;
      case "happening":
        this.#parts.publish(action.happening);
        break;
      case "slice":
        void this.#slice(this.#tickets.get(action.ticket)?.file, action.transfer, action.from, action.to);
        break;
      case "save":
        this.#tickets.get(action.ticket)?.saved.push(action.bytes as Uint8Array<ArrayBuffer>);
        break;
      case "progress":
        this.#tickets.get(action.ticket)?.onProgress?.({ done: action.done, total: action.total });
        break;
      case "opened":
        this.#opened?.resolve();
        break;
      case "failed":
        this.end(ofFault(action.fault));
        break;
    }
  }

  #take(number: number): Ticket | undefined {
    const ticket = this.#tickets.get(number);
    this.#tickets.delete(number);
    return ticket;
  }

  async #slice(file: Blob | undefined, transfer: number, from: number, to: number): Promise<void> {
    try {
      if (file === undefined) throw new SpragError("file-changed");
      const bytes = new Uint8Array(await file.slice(from, to).arrayBuffer());
      this.tell((engine) => {
        engine.sliced(transfer, bytes);
      });
    } catch {
      this.tell((engine) => {
        engine.sliceFailed(transfer);
      });
    }
  }

  async #request(action: HttpRequest): Promise<void> {
    const control = new AbortController();
    this.#calls.add(control);
    const timer = setTimeout(() => {
      control.abort();
    }, action.timeout);
    let [status, body] = [0, new Uint8Array()];
    try {
      // Known once there is a profile; a request may come before that is told.
      this.#relay ||= this.engine.status(Date.now()).relay;
      const response = await fetch(this.#relay + action.path, {
        method: action.method,
        headers: action.headers,
        body: (action.body as Uint8Array<ArrayBuffer> | undefined) ?? null,
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        referrerPolicy: "no-referrer",
        signal: control.signal,
      });
      body = await readBody(response);
      status = response.status;
    } catch {
      status = 0;
    }
    clearTimeout(timer);
    this.#calls.delete(control);
    this.tell((engine) => {
      engine.answered(action.request, status, body);
    });
  }

  /** Whether the connection is still wanted. */
  #isFor(number: number): boolean {
    return this.#socket?.number === number && this.#over === undefined;
  }

  async #connect(number: number, url: string, protocols: string[]): Promise<void> {
    this.#socket = { number, ws: undefined };
    const closed = (): void => {
      this.tell((engine) => {
        engine.socketClosed(number);
      });
    };
    let ws: WebSocket;
    try {
      ws = await this.#parts.socket(url, protocols);
    } catch {
      closed();
      return;
    }
    // `onclose` follows; without a listener some platforms complain.
    ws.onerror = nothing;
    if (!this.#isFor(number)) {
      ws.close();
      return;
    }
    this.#socket = { number, ws };
    ws.binaryType = "arraybuffer";
    ws.onopen = () => {
      this.tell((engine) => {
        engine.socketOpened(number);
      });
    };
    ws.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (!(data instanceof ArrayBuffer)) return;
      this.tell((engine) => {
        engine.socketMessage(number, new Uint8Array(data));
      });
    };
    ws.onclose = closed;
  }
}

/** The whole body; one that is too long is none. */
async function readBody(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > LONGEST_ANSWER) {
      await reader.cancel();
      throw new SpragError("not-a-relay");
    }
    parts.push(value);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

function nothing(): void {
  // Nobody waits yet.
}
