import { useState, useSyncExternalStore } from "react";

const KEY = "graphiql:theme"; // GraphiQL's, so that one choice is for all pages
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function subscribe(onChange) {
  dark.addEventListener("change", onChange);
  return () => dark.removeEventListener("change", onChange);
}

/** Show the page in a theme: light, dark, or null for that of the system. */
function show(theme) {
  document.body.classList.remove("graphiql-light", "graphiql-dark");
  if (theme) document.body.classList.add(`graphiql-${theme}`);
}

/**
 * The theme that this browser has stored, for a page that GraphiQL does not show.
 *
 * `isDark` is what it comes to; `storage` may be null.
 */
export function useTheme(storage) {
  const isSystemDark = useSyncExternalStore(subscribe, () => dark.matches);
  const [theme, setTheme] = useState(() => {
    const stored = storage?.getItem(KEY) || null;
    show(stored);
    return stored;
  });
  function choose(chosen) {
    storage?.setItem(KEY, chosen ?? "");
    show(chosen);
    setTheme(chosen);
  }
  return { theme, choose, isDark: theme ? theme === "dark" : isSystemDark };
}
