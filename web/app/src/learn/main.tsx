/** The walkthrough begins here. */
import { effect, signal } from "@preact/signals";
import { render } from "preact";
import { Lesson } from "./lesson.js";
import { openEngine } from "./load.js";
import { onKey } from "./view/keyboard.js";
import { Page, type Outside } from "./view/page.js";
import "../styles/tokens.css";
import "../styles/base.css";
import "./styles/board.css";
import "./styles/panels.css";

function newSeed(): string {
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  return String(seed);
}

const outside: Outside = {
  newSeed,
  letters: signal(true),
  copyLink: () => navigator.clipboard.writeText(location.href),
  save: (name, text) => {
    const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    URL.revokeObjectURL(url);
  },
};

async function start(place: HTMLElement): Promise<void> {
  const lesson = new Lesson(await openEngine(), newSeed());
  if (location.hash !== "") lesson.open(location.hash);
  addEventListener("hashchange", () => { lesson.open(location.hash); });
  addEventListener("keydown", (event) => { onKey(lesson, outside.letters.value, event); });
  effect(() => { history.replaceState(null, "", lesson.address()); });
  render(<Page lesson={lesson} outside={outside} />, place);
}

const place = document.getElementById("learn");
if (place !== null) {
  start(place).catch((problem: unknown) => {
    const text = problem instanceof Error ? problem.message : String(problem);
    render(
      <main class="learn-failed">
        <h1>This page could not start</h1>
        <p role="alert">It runs the protocol itself, as WebAssembly, and that did not load: {text}. Reload the page, or try an up-to-date browser. On the command line, <code>sprag learn</code> shows the same.</p>
      </main>, place);
  });
}
