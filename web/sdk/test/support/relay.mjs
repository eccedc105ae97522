// A relay for tests: `sprag serve` on a free port, in a folder of its own, gone with the test.

import { spawn, execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, "target");
/** The program: `SPRAG`, or what cargo has built. */
export const SPRAG = process.env.SPRAG ?? join(target, "debug/sprag");

/** Limits that a test which is about something else never meets. */
const GENEROUS = [
  "--registrations-per-address=1000000+1000000/h",
  "--calls-per-address=1000000+1000000/h",
  "--calls-per-account=1000000+1000000/h",
  "--sends-per-account=1000000+1000000/h",
  "--claims-per-pair=1000000+1000000/h",
  "--claims-per-target=1000000+1000000/h",
  "--mailbox-envelopes=100000",
];

export class World {
  folder = mkdtempSync(join(tmpdir(), "sprag-npm-"));
  url = "";
  #listen = "127.0.0.1:0";
  #child;
  #data = "relay";

  static async start(...flags) {
    if (!existsSync(SPRAG)) throw new Error(`${SPRAG} is not there; run \`cargo build -p sprag\`, or set SPRAG`);
    const world = new World();
    await world.serve(...flags);
    return world;
  }

  /** Starts the relay, where it was if it ran before. */
  async serve(...flags) {
    const data = join(this.folder, this.#data);
    const child = spawn(SPRAG, ["serve", "--json", "--ops-listen=off", "--listen", this.#listen, "--data", data, ...GENEROUS, ...flags], {
      stdio: ["ignore", "pipe", "ignore"],
      env: this.environment(),
    });
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    const { value } = await lines[Symbol.asyncIterator]().next();
    this.url = JSON.parse(value).listening;
    this.#listen = this.url.replace("http://", "");
    child.stdout.resume();
  }

  /** Ends it, without a warning. */
  async kill() {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  /** Another relay in the same place, that knows nothing. */
  forgetEverything() {
    this.#data += "-anew";
  }

  async end() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  path(name) {
    return join(this.folder, name);
  }

  environment() {
    return { HOME: this.folder, XDG_DATA_HOME: join(this.folder, "data"), SPRAG_RELAY: this.url, TZ: "UTC" };
  }

  /** The command line, on a profile. */
  async sprag(profile, ...args) {
    const { stdout } = await promisify(execFile)(SPRAG, ["-p", profile, ...args], { env: this.environment() });
    return stdout;
  }
}

/** Everything that an async iteration gives, until there are so many. */
export async function take(iterable, count) {
  const taken = [];
  for await (const value of iterable) {
    taken.push(value);
    if (taken.length === count) break;
  }
  return taken;
}

/** The next event of a kind, where one holds. */
export function next(client, kind, holds = () => true) {
  return new Promise((resolve, reject) => {
    const off = client.on(kind, (event) => {
      if (!holds(event)) return;
      off();
      resolve(event);
    });
    client.once("closed", () => reject(new Error("closed")));
  });
}
