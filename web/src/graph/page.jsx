import { Tooltip } from "@graphiql/react";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { createClient } from "../client.js";
import { Credential } from "../credential.jsx";
import { PagesNav } from "../pages-nav.jsx";
import { withoutHeaders } from "../storage.js";
import { useTheme } from "../theme.js";
import { Bar } from "./bar.jsx";
import { Canvas } from "./canvas.jsx";
import { Filters } from "./filters.jsx";
import { useFocusKept } from "./focus.js";
import { Graph } from "./graph.js";
import { Inspector } from "./inspector.jsx";
import { viewOf } from "./links.js";
import { NodeList } from "./list.jsx";
import { createLoader } from "./loading.js";
import { createPlacing } from "./placing.js";
import { Search } from "./search.jsx";
import { Start } from "./start.jsx";
import { Summary } from "./summary.jsx";

const STORAGE = withoutHeaders();
const PAUSE = 400; // milliseconds, after which the address follows the picture

/** A graph and its loader, and the last status of a response. */
function useGraph() {
  const [access, setAccess] = useState({ status: 0, sent: false });
  const made = useMemo(() => {
    const onResult = ({ received }) => received && graph.heard(received.state);
    const client = createClient({ onStatus: setAccess, onResult });
    const loader = createLoader(client);
    const graph = new Graph({ client, loader, place: createPlacing() });
    return { client, loader, graph };
  }, []);
  return { ...made, access };
}

export function GraphPage() {
  const { client, loader, graph, access } = useGraph();
  const state = useSyncExternalStore(graph.subscribe, graph.snapshot);
  const { theme, choose, isDark } = useTheme(STORAGE);
  const drawing = useRef(null);
  const [attempt, setAttempt] = useState(0);
  const { at, follow } = useAddress(graph, drawing, state);
  const focused = useFocusKept(drawing, state);

  function submit() {
    setAttempt(attempt + 1);
    graph.retry();
  }

  return (
    <Tooltip.Provider>
      <div className="graphiql-container chitty-page graph-page">
        <header className="chitty-header">
          <h1 className="chitty-name">ChittyGraph</h1>
          <PagesNav current="Graph" />
          <Search loader={loader} onChoose={graph.show} />
          <Credential access={access} onChange={client.use} onSubmit={submit} />
        </header>
        <main className="graph-main">
          <section aria-label="Picture" className="graph-middle">
            <Bar choose={choose} drawing={drawing} graph={graph} state={state} theme={theme} />
            <div className="graph-stage">
              <Canvas at={at} drawing={drawing} follow={follow} graph={graph} isDark={isDark} state={state} />
              {!state.nodes.size && (
                <Start
                  attempt={attempt}
                  failure={state.failure}
                  graph={graph}
                  isBusy={state.busy > 0}
                  loader={loader}
                  onBegin={() => drawing.current.focus()}
                />
              )}
            </div>
            <Summary graph={graph} state={state} />
          </section>
          <aside aria-label="Objects" className="graph-side" onFocus={focused}>
            <Inspector graph={graph} loader={loader} state={state} />
            <Filters graph={graph} state={state} />
            <NodeList graph={graph} state={state} />
          </aside>
        </main>
      </div>
    </Tooltip.Provider>
  );
}

/**
 * Keep the view in the address, and show the one that the address carries.
 *
 * Returns `at`, where that is to be looked at, and `follow`, which is to be called when the picture has moved.
 */
function useAddress(graph, drawing, state) {
  const [at, setAt] = useState(null);
  useEffect(() => {
    function open() {
      const { view, ...told } = viewOf(window.location.hash);
      setAt(view.at?.length === 3 ? view.at : null);
      if (Object.keys(view).length || told.ignored.length || told.isTooLong) graph.restore(view, told);
      else graph.clear();
    }
    open();
    window.addEventListener("hashchange", open);
    return () => window.removeEventListener("hashchange", open);
  }, [graph]);
  const follow = useMemo(() => {
    let timer;
    function write() {
      const { nodes, busy, failure, isInVain } = graph.snapshot();
      if (busy || failure || isInVain) return; // the address still says what is to be shown
      const { hash, pathname, search } = window.location;
      const link = nodes.size ? graph.link(drawing.current?.at()) : null;
      const next = link ? new URL(link).hash : "";
      if (next !== hash) window.history.replaceState(null, "", `${pathname}${search}${next}`);
    }
    return () => {
      clearTimeout(timer);
      timer = setTimeout(write, PAUSE);
    };
  }, [drawing, graph]);
  useEffect(follow, [follow, state]);
  return { at, follow };
}
