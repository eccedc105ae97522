/**
 * The way to a client: whether there is a profile in this browser, what opens it, and how to get one where
 * there is none. Everything that is shown before somebody is in is a `Screen`.
 */
import { signal } from "@preact/signals-core";
import { codeOf, type Client, type Doors, type FoundProfile, type Linking, type OpenOptions } from "./sprag.js";
import { explain, type Problem } from "./words.js";

export type Screen =
  | { at: "starting" }
  | { at: "welcome" }
  | { at: "locked"; profile: FoundProfile }
  /** A new device that shows its code. */
  | { at: "linking"; user: string; code: string }
  /** Just registered: a passkey was wanted, which takes a click of its own. */
  | { at: "passkey"; client: Client }
  | { at: "open"; client: Client }
  /** It does not open; what can be done stands in the problem. */
  | { at: "broken"; problem: Problem; forgettable: boolean };

export interface Registration {
  readonly user: string;
  readonly invitation: string;
  readonly passphrase: string;
  readonly passkey: boolean;
}

/** What a profile that does not open can be helped by: that it is thrown away, and another one made. */
const LOST = new Set(["STORAGE_EVICTED", "store-damaged", "profile-damaged", "store-foreign", "key-exposed", "account-gone", "removed"]);

export class Gate {
  readonly screen = signal<Screen>({ at: "starting" });
  readonly busy = signal(false);
  readonly problem = signal<Problem | undefined>(undefined);
  readonly #doors: Doors;
  readonly #place: Pick<OpenOptions, "store">;
  #linking: Linking | undefined;
  #isLeaving = false;

  constructor(doors: Doors, place: Pick<OpenOptions, "store">) {
    this.#doors = doors;
    this.#place = place;
  }

  /** Looks what is here, and goes in where nothing has to be asked. */
  async start(): Promise<void> {
    this.screen.value = { at: "starting" };
    this.problem.value = undefined;
    try {
      const profile = await this.#doors.findProfile(this.#place);
      if (profile === undefined) {
        this.screen.value = { at: "welcome" };
        return;
      }
      try {
        // Where another tab has opened it already, nothing is asked for.
        this.#enter(await this.#doors.open({ ...this.#place, mode: "existing" }));
      } catch (error) {
        if (codeOf(error) !== "PASSPHRASE_NEEDED") throw error;
        this.screen.value = { at: "locked", profile };
      }
    } catch (error) {
      this.#break(error);
    }
  }

  /** Makes an account. Whether it was made. */
  async register(wanted: Registration): Promise<boolean> {
    return await this.#attempt(async () => {
      const client = await this.#doors.open({
        ...this.#place,
        mode: "new",
        user: wanted.user,
        ...(wanted.invitation === "" ? {} : { invitation: wanted.invitation }),
        ...(wanted.passphrase === "" ? {} : { passphrase: wanted.passphrase }),
      });
      if (wanted.passkey && wanted.passphrase !== "") this.screen.value = { at: "passkey", client };
      else this.#enter(client);
    });
  }

  /** After registering: adds the passkey. */
  async addPasskey(): Promise<void> {
    const screen = this.screen.value;
    if (screen.at !== "passkey") return;
    await this.#attempt(async () => {
      await screen.client.addPasskey();
      this.#enter(screen.client);
    });
  }

  withoutPasskey(): void {
    const screen = this.screen.value;
    if (screen.at === "passkey") this.#enter(screen.client);
  }

  async unlock(passphrase: string): Promise<void> {
    await this.#attempt(async () => {
      this.#enter(await this.#doors.open({ ...this.#place, mode: "existing", passphrase }));
    });
  }

  async unlockWithPasskey(): Promise<void> {
    await this.#attempt(async () => {
      this.#enter(await this.#doors.open({ ...this.#place, mode: "existing", passkey: true }));
    });
  }

  /** Makes this browser a new device of an account, and waits until another one has let it in. */
  async link(user: string, passphrase: string): Promise<void> {
    const protection = passphrase === "" ? {} : { passphrase };
    await this.#attempt(async () => {
      this.#linking = await this.#doors.linkNewDevice({ ...this.#place, user, ...protection });
      this.screen.value = { at: "linking", user, code: this.#linking.code };
    });
    const linking = this.#linking;
    if (linking === undefined) return;
    try {
      const client = await linking.linked();
      if (this.#linking === linking) this.#enter(client);
    } catch (error) {
      if (this.#linking !== linking) return;
      this.#linking = undefined;
      this.#break(error);
    }
  }

  /** Gives up waiting; what was prepared goes with it. */
  async stopLinking(): Promise<void> {
    const linking = this.#linking;
    this.#linking = undefined;
    this.screen.value = { at: "welcome" };
    await this.#attempt(async () => {
      await linking?.close();
      await this.#doors.forgetProfile(this.#place);
    });
  }

  async restore(backup: Blob, passphrase: string, protection: string): Promise<void> {
    await this.#attempt(async () => {
      const options = protection === "" ? {} : { passphrase: protection };
      this.#enter(await this.#doors.restoreBackup({ ...this.#place, ...options }, backup, passphrase));
    });
  }

  /** Throws the profile of this browser away. The account stays where it is, and nothing opens it from here. */
  async forget(): Promise<void> {
    await this.#attempt(async () => {
      await this.#doors.forgetProfile(this.#place);
      this.screen.value = { at: "welcome" };
    });
  }

  /** From inside: ends what is open, and shows what is left then. What fails changes nothing here. */
  async leave(client: Client, how: "forget" | "delete"): Promise<void> {
    this.#isLeaving = true;
    try {
      if (how === "delete") await client.deleteAccount();
      else {
        await client.close();
        await this.#doors.forgetProfile(this.#place);
      }
    } finally {
      this.#isLeaving = false;
    }
    await this.start();
  }

  /** The client has ended, here or in another tab. */
  async left(): Promise<void> {
    if (!this.#isLeaving && this.screen.value.at === "open") await this.start();
  }

  #enter(client: Client): void {
    this.#linking = undefined;
    this.problem.value = undefined;
    this.screen.value = { at: "open", client };
  }

  #break(error: unknown): void {
    this.screen.value = { at: "broken", problem: explain(error), forgettable: LOST.has(codeOf(error) ?? "") };
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    if (this.busy.value) return false;
    this.busy.value = true;
    this.problem.value = undefined;
    try {
      await work();
      return true;
    } catch (error) {
      this.problem.value = explain(error);
      return false;
    } finally {
      this.busy.value = false;
    }
  }
}
