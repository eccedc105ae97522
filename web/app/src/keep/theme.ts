/** Light or dark: as the system has it, or as somebody chose here. `public/theme.js` does it before the first picture. */
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
const KEY = "sprag-theme";

function kept(): Theme {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : "system";
  } catch {
    return "system";
  }
}

export const theme = signal<Theme>(kept());

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  try {
    if (chosen === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, chosen);
  } catch {
    // Without storage it holds until the page is left.
  }
}
