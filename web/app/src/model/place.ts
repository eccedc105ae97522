/**
 * Where in the chat one is. It never stands in the address: names would be kept in the browser's history. The
 * history only counts steps, so that Back works.
 */
import { signal } from "@preact/signals-core";

export type Place =
  | { at: "list" }
  | { at: "talk"; with: string }
  | { at: "verify"; with: string }
  | { at: "new" }
  | { at: "devices" }
  | { at: "settings" };

/** What keeps steps: the browser's history, or a list in a test. */
export interface Steps {
  push(step: number): void;
  replace(step: number): void;
  back(): void;
  /** Called with the step that was gone back, or forward, to; or with nothing that is known. */
  onMove(listener: (step: number | undefined) => void): void;
}

export class Places {
  readonly now = signal<Place>({ at: "list" });
  readonly #steps: Steps;
  #trail: Place[] = [{ at: "list" }];
  #at = 0;

  constructor(steps: Steps) {
    this.#steps = steps;
    steps.replace(0);
    steps.onMove((step) => {
      this.#at = step !== undefined && step < this.#trail.length ? step : 0;
      this.now.value = this.#trail[this.#at] ?? { at: "list" };
    });
  }

  go(place: Place): void {
    if (same(place, this.now.value)) return;
    this.#at += 1;
    this.#trail = [...this.#trail.slice(0, this.#at), place];
    this.#steps.push(this.#at);
    this.now.value = place;
  }

  /** Instead of where one is, so that Back does not lead there. */
  replace(place: Place): void {
    this.#trail[this.#at] = place;
    this.#steps.replace(this.#at);
    this.now.value = place;
  }

  /** One step back; from the first one, to the list. */
  back(): void {
    if (this.#at > 0) this.#steps.back();
    else this.replace({ at: "list" });
  }
}

function same(one: Place, other: Place): boolean {
  return one.at === other.at && ("with" in one ? one.with : "") === ("with" in other ? other.with : "");
}
