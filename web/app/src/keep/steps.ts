/** The browser's history as a counter of steps: it holds no place and no name. */
import type { Steps } from "../model/place.js";

export function browserSteps(): Steps {
  const stepOf = (state: unknown): number | undefined =>
    typeof state === "object" && state !== null && "step" in state && typeof state.step === "number" ? state.step : undefined;
  return {
    push(step) { history.pushState({ step }, ""); },
    replace(step) { history.replaceState({ step }, ""); },
    back() { history.back(); },
    onMove(listener) {
      addEventListener("popstate", ({ state }) => { listener(stepOf(state)); });
    },
  };
}
