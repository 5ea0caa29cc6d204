import { pick, useGraphiQL } from "@graphiql/react";
import { createContext, useContext, useEffect, useMemo, useRef, useState } from "react";

const Results = createContext(null);

/** The last result of each tab, for as long as the page is open. */
export function useResults() {
  const [byTab, setByTab] = useState({});
  const tab = useRef(null);
  return useMemo(
    () => ({
      byTab,
      /** Called with what the client tells, while the tab is shown in which GraphiQL shows the response. */
      add: (told) => setByTab((all) => ({ ...all, [tab.current]: told })),
      tab,
    }),
    [byTab],
  );
}

export const ResultsProvider = Results.Provider;

/** The result that the response editor shows, or null, also while another one is awaited. */
export function useLastResult() {
  const { byTab, tab } = useContext(Results);
  const { tabs, activeTabIndex } = useGraphiQL(pick("tabs", "activeTabIndex"));
  const isAwaited = useIsAwaited();
  const id = tabs[activeTabIndex]?.id;
  useEffect(() => {
    tab.current = id;
  }, [tab, id]);
  return isAwaited ? null : (byTab[id] ?? null);
}

/** Whether a response is awaited; what a subscription has received is shown while it goes on. */
export function useIsAwaited() {
  const { isFetching, subscription } = useGraphiQL(pick("isFetching", "subscription"));
  return isFetching && !subscription;
}
