/** The page: what is told and talked on one side, the keys on the other. */
import { useState } from "preact/hooks";
import { Logo } from "../../view/icons.jsx";
import type { Lesson } from "../lesson.js";
import { Designs } from "./designs.js";
import { Events } from "./events.js";
import { Phones } from "./phones.js";
import { Story } from "./story.js";
import { Talk } from "./talk.js";
import { Thief } from "./thief.js";
import { Transport } from "./transport.js";
import { Tree } from "./tree.js";

export interface Outside {
  /** A seed that nobody has seen. */
  newSeed(): string;
  save(name: string, text: string): void;
  copyLink(): Promise<void>;
  readonly letters: { value: boolean };
}

export function Page({ lesson, outside }: { lesson: Lesson; outside: Outside }) {
  const problem = lesson.problem.value;
  return (
    <div class="learn">
      <Top lesson={lesson} />
      <main class="board">
        <div role="alert" class="alert-place">
          {problem !== undefined && <p class="box box-bad"><span><strong>That cannot be played:</strong> {problem}. You see what was shown before.</span></p>}
        </div>
        <div class="side">
          <Story lesson={lesson} />
          <Talk lesson={lesson} />
        </div>
        <div class="keys-side">
          <Thief lesson={lesson} />
          <Events lesson={lesson} />
          <Tree lesson={lesson} />
          <Phones lesson={lesson} />
        </div>
        <div class="wide">
          <Designs lesson={lesson} />
          <Tools lesson={lesson} outside={outside} />
        </div>
      </main>
      <Transport lesson={lesson} />
    </div>
  );
}

function Top({ lesson }: { lesson: Lesson }) {
  const guided = lesson.guided.value !== undefined;
  return (
    <header class="top">
      <a class="home" href="/"><Logo size={28} /><span>Sprag</span></a>
      <h1>How messages stay secret</h1>
      <div class="modes" role="group" aria-label="Way through">
        <button type="button" aria-pressed={guided} onClick={() => { if (!guided) lesson.goToChapter(1); }}>Guided path</button>
        <button type="button" aria-pressed={!guided} onClick={() => { if (guided) lesson.startFresh(); }}>Free play</button>
      </div>
    </header>
  );
}

function Tools({ lesson, outside }: { lesson: Lesson; outside: Outside }) {
  const [copied, setCopied] = useState("");
  const { seed } = lesson.play.value;
  const copy = async () => {
    try {
      await outside.copyLink();
      setCopied("Copied: the link leads to this very moment.");
    } catch {
      setCopied("The browser does not allow copying: take the address of this page, it is the same.");
    }
  };
  return (
    <section class="panel panel-tools" aria-labelledby="tools-title">
      <h2 id="tools-title">Every byte is real</h2>
      <p>
        Alice and Bob run the code that real conversations run on, in this page, and everything you see is what its trace reports.
        All of it follows from the seed <code class="seed">{seed}</code>: who plays it again gets the same bytes, also with{" "}
        <code class="seed">{command(lesson)}</code>.
      </p>
      <div class="actions is-start">
        <button type="button" class="button" onClick={() => { outside.save(`sprag-learn-${seed}.json`, lesson.export()); }}>Export as JSON</button>
        <button type="button" class="button" onClick={() => { void copy(); }}>Copy a link to this moment</button>
        <button type="button" class="button" onClick={() => { lesson.reseed(outside.newSeed()); }}>Other keys</button>
        {lesson.guided.value === undefined && <button type="button" class="button" onClick={() => { lesson.startFresh(); }}>Start again</button>}
      </div>
      <p class="hint" role="status">{copied}</p>
      <details class="help">
        <summary>Keyboard</summary>
        <dl class="shortcuts">
          <div><dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>one event back, on</dd></div>
          <div><dt><kbd>Shift</kbd> <kbd>←</kbd> <kbd>→</kbd></dt><dd>one action back, on</dd></div>
          <div><dt><kbd>Home</kbd> <kbd>End</kbd></dt><dd>to the beginning, to the end</dd></div>
          <div><dt><kbd>a</kbd> <kbd>b</kbd></dt><dd>Alice, Bob writes (free play)</dd></div>
          <div><dt><kbd>d</kbd> <kbd>x</kbd></dt><dd>deliver, lose what is longest on its way (free play)</dd></div>
          <div><dt><kbd>s</kbd></dt><dd>steal Bob's phone now</dd></div>
          <div><dt><kbd>n</kbd> <kbd>p</kbd></dt><dd>next, previous chapter</dd></div>
        </dl>
        <label class="check"><input type="checkbox" checked={outside.letters.value} onChange={(input) => { outside.letters.value = input.currentTarget.checked; }} /> Letters are shortcuts</label>
      </details>
    </section>
  );
}

function command(lesson: Lesson): string {
  const { seed, schedule, design, theft } = lesson.asked();
  const parts = ["sprag learn --seed", seed, "--schedule", schedule === "" ? '""' : schedule];
  if (design !== "double-ratchet") parts.push("--design", design);
  if (theft !== null) parts.push("--steal", `${theft.victim}@${String(theft.after)}`);
  return [...parts, "--json"].join(" ");
}
