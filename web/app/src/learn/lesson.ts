/** What the page shows and what a learner can do. It knows the engine, and no element of the page. */
import { batch, computed, signal } from "@preact/signals-core";
import { readAddress, writeAddress, type Address } from "./address.js";
import type { Engine } from "./engine.js";
import { happened, holdingsAt, idOf, keysOf } from "./keys.js";
import { actionsOf, DESIGNS, type Asked, type Chapter, type Design, type Guide, type Party, type Play, type Theft } from "./play.js";
import { endOf, isSame, nearest, positions, type Position } from "./position.js";

/** How one design did in the same theft. */
export interface Comparison {
  readonly design: Design;
  readonly readable: number;
  readonly messages: number;
  readonly healed: string | null;
}

const START: Omit<Asked, "seed"> = { schedule: "", design: "double-ratchet", theft: null };

export class Lesson {
  readonly #engine: Engine;
  readonly play;
  readonly at;
  readonly chapter = signal<number | null>(1);
  /** What an address said that could not be played. */
  readonly problem = signal<string | undefined>(undefined);
  /** The key that somebody asked about; none: the one that the current event is about. */
  readonly chosen = signal<string | null>(null);
  readonly #guide;

  readonly positions = computed(() => positions(this.play.value.steps));
  readonly index = computed(() => Math.max(0, this.positions.value.findIndex((position) => isSame(position, this.at.value))));
  readonly step = computed(() => this.play.value.steps[this.at.value.step]);
  readonly event = computed(() => this.step.value?.events[this.at.value.event - 1]);
  readonly keys = computed(() => keysOf(happened(this.play.value, this.at.value)));
  readonly holdings = computed(() => holdingsAt(this.play.value, this.at.value));
  readonly guided = computed<Chapter | undefined>(() => {
    const number = this.chapter.value;
    return number === null ? undefined : this.#guide.value.chapters[number - 1];
  });
  readonly chapters = computed(() => this.#guide.value.chapters);
  /** The key in the middle of attention. */
  readonly focus = computed(() => {
    const event = this.event.value;
    return this.chosen.value ?? (event === undefined ? null : idOf(event.place));
  });
  /** Whether the theft is shown: in the guided path only where it is told of. */
  readonly theft = computed(() => {
    const chapter = this.guided.value;
    return chapter === undefined || chapter.theft ? this.play.value.theft : null;
  });
  readonly comparisons = computed<readonly Comparison[]>(() => {
    const shown = this.theft.value;
    if (shown === null) return [];
    const asked = this.asked();
    return DESIGNS.map((design) => {
      const rows = this.#engine.play({ ...asked, design }).theft;
      const readable = rows?.rows.filter((row) => row.readable).length ?? 0;
      return { design, readable, messages: rows?.rows.length ?? 0, healed: rows?.healed ?? null };
    });
  });

  constructor(engine: Engine, seed: string) {
    this.#engine = engine;
    const guide = engine.guide(seed);
    this.#guide = signal<Guide>(guide);
    this.play = signal<Play>(guide.play);
    this.at = signal<Position>({ step: 0, event: 1 });
    this.goToChapter(1);
  }

  /** What is played, to play it again. */
  asked(): Asked {
    const { seed, schedule, design, theft } = this.play.value;
    return { seed, schedule, design, theft: theft === null ? null : { victim: theft.victim, after: theft.after } };
  }

  export(): string {
    return this.#engine.lines(this.asked());
  }

  address(): string {
    const chapter = this.guided.value;
    const stays = chapter !== undefined && isSame(chapter, this.at.value);
    return writeAddress({ ...this.asked(), chapter: this.chapter.value, at: stays ? null : this.at.value });
  }

  /** Goes where an address leads. */
  open(fragment: string): void {
    const found: Partial<Address> = readAddress(fragment);
    const seed = found.seed ?? this.play.value.seed;
    batch(() => {
      this.problem.value = undefined;
      if (found.schedule === undefined) {
        this.#readGuide(seed);
        this.goToChapter(found.chapter ?? 1);
        if (found.at !== undefined) this.at.value = nearest(this.play.value.steps, found.at);
      } else {
        const { schedule, design = START.design, theft = START.theft } = found;
        this.#play({ seed, schedule, design, theft }, found.at ?? null);
      }
    });
  }

  // Through what is played.

  goTo(position: Position): void {
    batch(() => {
      this.at.value = nearest(this.play.value.steps, position);
      this.chosen.value = null;
    });
  }

  goToIndex(index: number): void {
    const all = this.positions.value;
    const position = all[Math.min(Math.max(index, 0), all.length - 1)];
    if (position !== undefined) this.goTo(position);
  }

  /** By events: one back, one forward. */
  move(by: number): void {
    this.goToIndex(this.index.value + by);
  }

  /** By actions: to the end of the one before or after. */
  moveStep(by: number): void {
    const { steps } = this.play.value;
    const { step, event } = this.at.value;
    const unfinished = by > 0 && event < endOf(steps, step).event;
    this.goTo(endOf(steps, unfinished ? step : step + by));
  }

  goToChapter(number: number): void {
    const chapter = this.#guide.value.chapters[number - 1];
    if (chapter === undefined) return;
    batch(() => {
      this.play.value = this.#guide.value.play;
      this.chapter.value = number;
      this.problem.value = undefined;
      this.goTo(chapter);
    });
  }

  moveChapter(by: number): void {
    const number = this.chapter.value;
    if (number !== null) this.goToChapter(number + by);
  }

  // What a learner decides.

  /** Free play from here: what is played stays, up to the step that is shown. */
  takeOver(): void {
    const { step } = this.at.value;
    const asked = this.asked();
    const theft = asked.theft !== null && this.theft.value !== null && asked.theft.after <= step ? asked.theft : null;
    this.#play({ ...asked, theft, schedule: actionsOf(asked.schedule).slice(0, step).join(".") }, null);
  }

  /** Does something next. What came after the step that is shown is replaced by it. */
  act(action: string): void {
    const { step } = this.at.value;
    const asked = this.asked();
    const actions = [...actionsOf(asked.schedule).slice(0, step), action];
    const theft = asked.theft !== null && asked.theft.after < actions.length ? asked.theft : null;
    this.#play({ ...asked, theft, schedule: actions.join(".") }, null);
  }

  /** Steals a phone now, or gives it back. */
  steal(victim: Party | null): void {
    const theft: Theft | null = victim === null ? null : { victim, after: this.at.value.step };
    this.#play({ ...this.asked(), theft }, this.at.value);
  }

  choose(design: Design): void {
    const { step } = this.at.value;
    this.#play({ ...this.asked(), design }, { step, event: Number.MAX_SAFE_INTEGER });
  }

  /** Another seed: other keys, the same conversation. */
  reseed(seed: string): void {
    batch(() => {
      const { chapter, at } = this;
      const number = chapter.value;
      const position = at.value;
      const asked = this.asked();
      this.#readGuide(seed);
      if (number === null) this.#play({ ...asked, seed }, position);
      else {
        this.goToChapter(number);
        this.goTo(position);
      }
    });
  }

  startFresh(): void {
    this.#play({ ...START, seed: this.play.value.seed }, null);
  }

  #readGuide(seed: string): void {
    if (this.#guide.value.play.seed === seed) return;
    this.#guide.value = this.#engine.guide(seed);
  }

  #play(asked: Asked, at: Position | null): void {
    let play: Play;
    try {
      play = this.#engine.play(asked);
    } catch (problem) {
      this.problem.value = String(problem);
      return;
    }
    batch(() => {
      this.problem.value = undefined;
      this.play.value = play;
      this.chapter.value = null;
      this.#readGuide(asked.seed);
      this.goTo(nearest(play.steps, at));
    });
  }
}
