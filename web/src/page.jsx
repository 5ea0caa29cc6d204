import { useGraphiQL } from "@graphiql/react";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useEffect, useMemo, useRef, useState } from "react";
import { authorized } from "./authorized.js";
import { Credential } from "./credential.jsx";
import { EXAMPLES, WELCOME } from "./examples.jsx";
import { withIntrospectionErrors } from "./introspection-errors.js";
import { isNarrow } from "./narrow.js";
import { withoutHeaders } from "./storage.js";

const PLUGINS = [EXAMPLES, HISTORY_PLUGIN];
const STORAGE = withoutHeaders();

export function GraphiqlPage() {
  const [last, setLast] = useState({ status: 0, sent: false });
  const requests = useMemo(() => authorized(setLast), []);
  const fetcher = useMemo(
    () => withIntrospectionErrors(createGraphiQLFetcher({ url: "/graphql", fetch: requests.fetch })),
    [requests],
  );
  return (
    <GraphiQL
      defaultEditorToolsVisibility={false}
      defaultQuery={WELCOME}
      fetcher={fetcher}
      inputValueDeprecation
      plugins={PLUGINS}
      schemaDescription
      shouldPersistHeaders={false}
      storage={STORAGE}
      visiblePlugin={isNarrow() ? null : EXAMPLES}
    >
      <GraphiQL.Logo>
        <Header last={last} onCredential={requests.use} />
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

/** Clears the error of a failed introspection from the response editor when introspection is retried. */
function useClearedError() {
  const fetchError = useGraphiQL((state) => state.fetchError);
  const responseEditor = useGraphiQL((state) => state.responseEditor);
  const shown = useRef(null);
  useEffect(() => {
    if (!fetchError && responseEditor?.getValue() === shown.current) responseEditor.setValue("");
    shown.current = fetchError;
  }, [fetchError, responseEditor]);
}

function Header({ last, onCredential }) {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  useEffect(() => queryEditor?.updateOptions({ wordWrap: "on" }), [queryEditor]);
  useClearedError();
  return (
    <div className="chitty-header">
      <span className="chitty-name">ChittyGraph</span>
      <Credential last={last} onChange={onCredential} />
    </div>
  );
}
