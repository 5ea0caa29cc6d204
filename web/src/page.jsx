import { useGraphiQL } from "@graphiql/react";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useEffect, useMemo, useState } from "react";
import { authorized } from "./authorized.js";
import { Credential } from "./credential.jsx";
import { EXAMPLES, WELCOME } from "./examples.jsx";
import { isNarrow } from "./narrow.js";
import { withoutHeaders } from "./storage.js";

const PLUGINS = [EXAMPLES, HISTORY_PLUGIN];
const STORAGE = withoutHeaders();

export function Page() {
  const [last, setLast] = useState({ refused: false });
  const requests = useMemo(() => authorized(setLast), []);
  const fetcher = useMemo(
    () => createGraphiQLFetcher({ url: "/graphql", fetch: requests.fetch }),
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
        <Header last={last} onGiven={requests.use} />
      </GraphiQL.Logo>
    </GraphiQL>
  );
}

function Header({ last, onGiven }) {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  useEffect(() => queryEditor?.updateOptions({ wordWrap: "on" }), [queryEditor]);
  return (
    <div className="chitty-header">
      <span className="chitty-name">ChittyGraph</span>
      <Credential last={last} onGiven={onGiven} />
    </div>
  );
}
