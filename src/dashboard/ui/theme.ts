/** Dark or light: as the system has it, until somebody chooses. */
import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";

const STORED = "etcd-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** What was chosen. */
export const theme = signal<Theme>(stored());

/** What is shown: "light" or "dark". */
export const shownTheme = signal<"light" | "dark">(shown());

dark.addEventListener("change", show);
show();

/** Auto, then the other of what is shown, then what the system has, then auto again. */
export function nextTheme(): void {
  const system = dark.matches ? "dark" : "light";
  const other = dark.matches ? "light" : "dark";
  theme.value = theme.value === "auto" ? other : theme.value === other ? system : "auto";
  try {
    localStorage.setItem(STORED, theme.value);
  } catch {
    // Private windows may refuse: then it holds until the page is closed.
  }
  show();
}

function show(): void {
  shownTheme.value = shown();
  document.documentElement.dataset.theme = shownTheme.value;
}

function shown(): "light" | "dark" {
  if (theme.value !== "auto") return theme.value;
  return dark.matches ? "dark" : "light";
}

function stored(): Theme {
  try {
    const chosen = localStorage.getItem(STORED);
    return chosen === "light" || chosen === "dark" ? chosen : "auto";
  } catch {
    return "auto";
  }
}
