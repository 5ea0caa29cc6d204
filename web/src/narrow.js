import { useSyncExternalStore } from "react";

// page.css has the same width.
const query = window.matchMedia("(max-width: 860px)");

function subscribe(onChange) {
  query.addEventListener("change", onChange);
  return () => query.removeEventListener("change", onChange);
}

/** Whether the window is too narrow for panels side by side. */
export const isNarrow = () => query.matches;
export const useIsNarrow = () => useSyncExternalStore(subscribe, isNarrow);
