import { DocExplorerStore } from "@graphiql/plugin-doc-explorer";
import { HistoryStore } from "@graphiql/plugin-history";
import { GraphiQLProvider, Tooltip, useMonaco } from "@graphiql/react";
import { useEffect, useMemo, useState } from "react";
import { BUILDER } from "./builder.jsx";
import { createClient } from "./client.js";
import { ClientProvider } from "./client-context.js";
import { DOCS } from "./docs.jsx";
import { EXAMPLES, WELCOME } from "./examples.jsx";
import { HISTORY } from "./history.jsx";
import { Layout } from "./layout.jsx";
import { isNarrow } from "./narrow.js";
import { ResultsProvider, useResults } from "./results.jsx";
import { forgetLinkedOperation, linkedOperation } from "./sharing.js";
import { storedOperationName, withoutHeaders } from "./storage.js";
import { defineThemes } from "./themes.js";

const PLUGINS = [DOCS, BUILDER, EXAMPLES, HISTORY];
const STORAGE = withoutHeaders();
const LINKED = linkedOperation();
const SELECTED = LINKED ? LINKED.operationName : storedOperationName(STORAGE);

export function GraphiqlPage() {
  const [access, setAccess] = useState({ status: 0, sent: false });
  const results = useResults();
  const { add } = results;
  const client = useMemo(() => createClient({ onStatus: setAccess, onResult: (told) => add(told) }), []);
  const monaco = useMonaco((state) => state.monaco);
  useEffect(() => {
    if (monaco) defineThemes(monaco);
  }, [monaco]);
  useEffect(forgetLinkedOperation, []);
  return (
    <ClientProvider value={client}>
      <ResultsProvider value={results}>
        <GraphiQLProvider
          defaultQuery={WELCOME}
          fetcher={client.fetcher}
          initialQuery={LINKED?.query}
          initialVariables={LINKED?.variables}
          inputValueDeprecation
          plugins={PLUGINS}
          referencePlugin={DOCS}
          schemaDescription
          shouldPersistHeaders={false}
          storage={STORAGE}
          visiblePlugin={isNarrow() || LINKED ? null : EXAMPLES}
        >
          <HistoryStore>
            <DocExplorerStore>
              <Tooltip.Provider>
                <Layout access={access} isLinked={LINKED !== null} operationName={SELECTED} storage={STORAGE} />
              </Tooltip.Provider>
            </DocExplorerStore>
          </HistoryStore>
        </GraphiQLProvider>
      </ResultsProvider>
    </ClientProvider>
  );
}
