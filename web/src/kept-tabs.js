import { pick, useGraphiQL } from "@graphiql/react";
import { useEffect, useRef } from "react";
import { close } from "./storage.js";
import { UNTITLED } from "./tabs.jsx";

const STATE = pick("tabs", "activeTabIndex", "queryEditor", "variableEditor", "storage");
const NAMED = /^\s*(?:query|mutation|subscription)\s+(\w+)/m;

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
      const { query, variables } = tabs[activeTabIndex];
      const isSame = query === shown.query && (variables ?? "") === shown.variables;
      // GraphiQL names a tab when it stores it, so the name is as old as the text.
      const title = query === shown.query ? {} : { title: NAMED.exec(shown.query)?.[1] ?? UNTITLED };
      const shownTab = (tab) => ({ ...tab, ...shown, ...title });
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
