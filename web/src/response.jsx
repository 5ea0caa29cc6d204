import { pick, ResponseEditor, Spinner, useEditorState, useGraphiQL, useMonaco } from "@graphiql/react";
import { useEffect, useMemo, useRef, useState } from "react";
import { AsGraph } from "./as-graph.jsx";
import { TextButton } from "./buttons.jsx";
import { listsOf } from "./lists.js";
import { Paging } from "./paging.jsx";
import { useIsAwaited, useLastResult } from "./results.jsx";
import { StatusLine } from "./status-line.jsx";
import { Tables } from "./tables.jsx";

const VIEWS = ["JSON", "Table"];

/** The response as text or as tables, with what leads to other pages, and how it went. */
export function Response() {
  const storage = useGraphiQL((state) => state.storage);
  const isAwaited = useIsAwaited();
  const hasMonaco = useMonaco((state) => Boolean(state.monaco));
  const [view, setView] = useState(() => storage.get("view") ?? VIEWS[0]);
  const last = useLastResult();
  const lists = useMemo(() => listsOf(last?.result.data), [last]);
  const [text] = useEditorState("response");
  useClearedError();

  function choose(name) {
    setView(name);
    storage.set("view", name);
  }

  const isTable = view === "Table" && lists.length > 0;
  return (
    <section aria-label="Response" className="graphiql-response chitty-column">
      <div className="chitty-bar">
        <div aria-label="View of the response" className="chitty-choice" role="group">
          {VIEWS.map((name) => (
            <TextButton aria-pressed={view === name} key={name} onClick={() => choose(name)}>
              {name}
            </TextButton>
          ))}
        </div>
        <span className="chitty-spacer" />
        <AsGraph last={last} />
        <Paging last={last} />
      </div>
      {isAwaited && <Spinner />}
      <Hint last={last} isEmpty={!isAwaited && !text} isWithoutLists={view === "Table" && !lists.length} />
      {isTable && <Tables lists={lists} />}
      <div className="chitty-editor" hidden={isTable}>
        {hasMonaco && <ResponseEditor aria-live="off" aria-label="Response as JSON" role="group" />}
      </div>
      <StatusLine last={last} />
    </section>
  );
}

function Hint({ last, isEmpty, isWithoutLists }) {
  if (last?.received?.count === 0) return <p className="chitty-hint">No events yet. The newest will be shown first.</p>;
  if (last && isWithoutLists) return <p className="chitty-hint">This response has no lists.</p>;
  if (!last && isEmpty) return <p className="chitty-hint">Run the operation to see its response here.</p>;
  return null;
}

/** Clear the error of a failed introspection from the response editor when introspection is retried. */
function useClearedError() {
  const { fetchError, responseEditor } = useGraphiQL(pick("fetchError", "responseEditor"));
  const shown = useRef(null);
  useEffect(() => {
    if (!fetchError && responseEditor?.getValue() === shown.current) responseEditor.setValue("");
    shown.current = fetchError;
  }, [fetchError, responseEditor]);
}
