/**
 * One process at a time. Node has no lock that ends with a process, so the lock is a file that names one: a lock of a process that
 * is gone is taken over, and before each commit whoever holds it looks whether it still does.
 */

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, readFile, rename, rm, stat } from "node:fs/promises";

import { SpragError } from "../error.js";

/** Taking over takes a moment: what lies there for longer was left behind. */
const MOMENT = 5000;

/** A lock that this process holds. */
export class Lock {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** Takes it, or says `in-use`. */
  static async take(path: string): Promise<Lock> {
    const text = JSON.stringify({ pid: process.pid, began: beganOf(process.pid), mark: randomBytes(8).toString("hex") });
    if (await place(path, text)) return new Lock(path, text);
    // Only one at a time may look whether it is stale, and replace it.
    const taking = `${path}.taking`;
    if (!(await place(taking, text))) {
      const left = await stat(taking).catch(() => undefined);
      if (left !== undefined && Date.now() - left.mtimeMs > MOMENT) await rm(taking, { force: true });
      throw new SpragError("in-use");
    }
    try {
      if (isAlive(await readFile(path, "utf8").catch(() => ""))) throw new SpragError("in-use");
      await replace(path, text);
    } finally {
      await rm(taking, { force: true });
    }
    return new Lock(path, text);
  }

  /** Whether it is still this one. */
  async held(): Promise<boolean> {
    return (await readFile(this.#path, "utf8").catch(() => "")) === this.#text;
  }

  async release(): Promise<void> {
    if (await this.held()) await rm(this.#path, { force: true });
  }
}

async function place(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o600);
    await file.writeFile(text);
    await file.close();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw new SpragError("store-io", { cause: error });
  }
}

async function replace(path: string, text: string): Promise<void> {
  const part = `${path}.${process.pid}`;
  await place(part, text);
  await rename(part, path);
}

/** Whether the process that a lock names is still that process. */
function isAlive(text: string): boolean {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    // It was cut off while it was written: nobody holds it.
    return false;
  }
  if (typeof found !== "object" || found === null || !("pid" in found) || typeof found.pid !== "number") return false;
  if ("began" in found && typeof found.began === "string" && beganOf(found.pid) !== found.began) return false;
  try {
    process.kill(found.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** When a process began, where the system says it: numbers of processes come back. */
function beganOf(pid: number): string | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "utf8");
    return line.slice(line.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
