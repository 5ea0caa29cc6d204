import { pick, useGraphiQL } from "@graphiql/react";
import { useEffect, useRef } from "react";
import { isNamedIn } from "./operations.js";
import { close } from "./storage.js";
import { UNTITLED } from "./tabs.jsx";

const STATE = pick("tabs", "activeTabIndex", "queryEditor", "variableEditor", "storage");
const NAMED = /^\s*(?:query|mutation|subscription)\s+(\w+)/m;

/** A tab's title, and the operation selected in its text: the one selected before, if the text still has it. */
function namesIn(query, selected) {
  const isThere = selected && isNamedIn(query, selected);
  const operationName = isThere ? selected : (NAMED.exec(query)?.[1] ?? null);
  return { operationName, title: operationName ?? UNTITLED };
}

/** Remove all that the page has stored, and start anew. */
export function forgetEverything(storage) {
  close(); // GraphiQL stores later what was changed before
  storage.clear();
  window.location.reload();
}

/**
 * Store the tabs when the page is left: GraphiQL does so half a second after a change, which a reload overtakes.
 *
 * A window in which nothing was changed, also not by a link that opened it, leaves what others stored.
 */
export function useKeptTabs(isLinked) {
  const state = useGraphiQL(STATE);
  const latest = useRef(state);
  const opened = useRef(null);
  useEffect(() => {
    opened.current ??= isLinked ? {} : state.queryEditor && state;
    latest.current = state;
  });
  useEffect(() => {
    function keep() {
      const { tabs, activeTabIndex, queryEditor, variableEditor, storage } = latest.current;
      if (!queryEditor || !variableEditor) return;
      const shown = { query: queryEditor.getValue(), variables: variableEditor.getValue() };
      const { query, variables, operationName } = tabs[activeTabIndex];
      const isSame = query === shown.query && (variables ?? "") === shown.variables;
      // GraphiQL names a tab when it takes a text over, so the names are as old as that text.
      const names = query === shown.query ? {} : namesIn(shown.query, operationName);
      const shownTab = (tab) => ({ ...tab, ...shown, ...names });
      const current = tabs.map((tab, index) => (index === activeTabIndex ? shownTab(tab) : tab));
      const { tabs: openedTabs, activeTabIndex: openedIndex } = opened.current;
      if (isSame && tabs === openedTabs && activeTabIndex === openedIndex) return;
      const unstored = new Set(["hash", "response", "headers"]);
      const kept = { tabs: current, activeTabIndex };
      storage.set("tabState", JSON.stringify(kept, (key, value) => (unstored.has(key) ? null : value)));
      storage.set("query", shown.query);
      storage.set("variables", shown.variables);
    }
    const keepIfHidden = () => document.visibilityState === "hidden" && keep();
    window.addEventListener("pagehide", keep);
    document.addEventListener("visibilitychange", keepIfHidden);
    return () => {
      window.removeEventListener("pagehide", keep);
      document.removeEventListener("visibilitychange", keepIfHidden);
    };
  }, []);
}
