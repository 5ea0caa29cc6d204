import { pick, useGraphiQL, useGraphiQLActions, useOperationsEditorState } from "@graphiql/react";
import { parse } from "graphql";
import { useMemo } from "react";
import { graphLink, objectsOf, selectingIds } from "./as-graph.js";
import { TextButton } from "./buttons.jsx";
import { edit } from "./editing.js";

const NOTHING = "This response has no actors, contexts, connections, installations or services.";
const UNNAMED = "This response has nothing that names its objects: select their ids.";

/** What opens the graph page with the objects of the response, or selects their ids first, or says why it cannot. */
export function AsGraph({ last }) {
  const { run } = useGraphiQLActions();
  const { queryEditor, operationName, schema } = useGraphiQL(pick("queryEditor", "operationName", "schema"));
  const [text] = useOperationsEditorState();
  const data = last?.result.data;
  const { found, unnamed } = useMemo(
    () => objectsOf(data, { schema, document: parsed(text), operationName }),
    [data, schema, text, operationName],
  );
  if (!data) return null;
  if (found.length) return <Link names={found} />;

  function select() {
    for (const each of selectingIds(text, unnamed)) edit(queryEditor, each);
    run();
  }

  return (
    <span className="chitty-paging">
      {unnamed.length > 0 && queryEditor && (
        <TextButton onClick={select} title="Adds the ids of its objects to the operation, and runs it">
          Select ids
        </TextButton>
      )}
      <TextButton aria-describedby="no-graph" aria-disabled="true" title={unnamed.length ? UNNAMED : NOTHING}>
        Show as graph
      </TextButton>
      <span hidden id="no-graph">
        {unnamed.length ? UNNAMED : NOTHING}
      </span>
    </span>
  );
}

function Link({ names }) {
  const { address, count } = useMemo(() => graphLink(names), [names]);
  const isCut = count < names.length;
  return (
    <a
      className="chitty-button"
      href={address}
      rel="noopener"
      target="_blank"
      title={isCut ? `A link holds no more than the first ${count} of ${names.length} objects` : "Opens a new tab"}
    >
      Show as graph{isCut && ` (${count} of ${names.length})`}
    </a>
  );
}

function parsed(text) {
  try {
    return parse(text);
  } catch {
    return null;
  }
}
