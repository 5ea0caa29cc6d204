import { Tooltip } from "@graphiql/react";
import { useMemo, useRef, useState, useSyncExternalStore } from "react";
import { createClient } from "../client.js";
import { Credential } from "../credential.jsx";
import { PagesNav } from "../pages-nav.jsx";
import { withoutHeaders } from "../storage.js";
import { useTheme } from "../theme.js";
import { useAddress } from "./address.js";
import { Bar } from "./bar.jsx";
import { Canvas } from "./canvas.jsx";
import { Filters } from "./filters.jsx";
import { useFocusKept } from "./focus.js";
import { Graph } from "./graph.js";
import { Inspector } from "./inspector.jsx";
import { NodeList } from "./list.jsx";
import { createLoader } from "./loading.js";
import { createPlacing } from "./placing.js";
import { Search } from "./search.jsx";
import { Start } from "./start.jsx";
import { Summary } from "./summary.jsx";

const STORAGE = withoutHeaders();

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
      <div className="graphiql-container chitty-page graph-page" data-is-dark={isDark}>
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
                  graph={graph}
                  loader={loader}
                  onBegin={() => drawing.current.focus()}
                  state={state}
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
