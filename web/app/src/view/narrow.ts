/** Whether there is room for the list and what is open side by side; `styles/chat.css` draws the same line. */
import { useEffect, useState } from "preact/hooks";

export const NARROW = "(max-width: 47.99rem)";

export function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(NARROW).matches);
  useEffect(() => {
    const query = matchMedia(NARROW);
    const changed = () => { setNarrow(query.matches); };
    query.addEventListener("change", changed);
    changed();
    return () => { query.removeEventListener("change", changed); };
  }, []);
  return isNarrow;
}
