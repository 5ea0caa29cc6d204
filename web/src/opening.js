import { pick, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { isNarrow } from "./narrow.js";

/**
 * Opens an operation in the editor.
 *
 * What the user wrote stays in its tab; only one of the texts in `known`, which can be opened again, is replaced.
 */
export function useOpening(known) {
  const { addTab, setOperationName, setVisiblePlugin } = useGraphiQLActions();
  const { queryEditor, variableEditor } = useGraphiQL(pick("queryEditor", "variableEditor"));
  const end = useEnding();
  return ({ query, variables = "", operationName }) => {
    end();
    const shown = queryEditor.getValue();
    if (shown.trim() && !known.includes(shown)) addTab();
    queryEditor.setValue(query);
    variableEditor?.setValue(variables);
    setOperationName(operationName); // or GraphiQL uses the previous one until it has parsed the text
    queryEditor.setScrollPosition({ scrollLeft: 0, scrollTop: 0 });
    queryEditor.focus();
    if (isNarrow()) setVisiblePlugin(null); // there the panel covers the editor
  };
}

/** Ends a subscription that goes on: GraphiQL would show its events in another tab that is added. */
export function useEnding() {
  const { stop } = useGraphiQLActions();
  const subscription = useGraphiQL((state) => state.subscription);
  return () => subscription && stop();
}
