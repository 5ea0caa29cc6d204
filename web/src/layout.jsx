import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect } from "react";
import { Group, Panel, Separator, useDefaultLayout } from "react-resizable-panels";
import { useClient } from "./client-context.js";
import { Credential } from "./credential.jsx";
import { Editors } from "./editors.jsx";
import { useKeptTabs } from "./kept-tabs.js";
import { useIsNarrow } from "./narrow.js";
import { PagesNav } from "./pages-nav.jsx";
import { Response } from "./response.jsx";
import { Sidebar } from "./sidebar.jsx";
import { Tabs } from "./tabs.jsx";

const NOTHING = { getItem: () => null, setItem() {} };

/**
 * The whole page; `operationName` is to be selected at first, and `isLinked` says that a link brought the operation.
 *
 * It is laid out here, from GraphiQL's parts: its own layout has tabs and borders that keyboards and screen readers
 * cannot use, and no place for what is shown around a response.
 */
export function Layout({ access, isLinked, operationName, storage }) {
  const client = useClient();
  const { introspect } = useGraphiQLActions();
  useKeptTabs(isLinked);
  useSelected(operationName);
  useRunKey();
  return (
    <div className="graphiql-container chitty-page">
      <header className="chitty-header">
        <h1 className="chitty-name">ChittyGraph</h1>
        <PagesNav current="GraphiQL" />
        <Tabs />
        <Credential access={access} onChange={client.use} onSubmit={introspect} />
      </header>
      <Sidebar storage={storage} />
      <Panels storage={storage} />
    </div>
  );
}

/** The panels: side by side or, in a narrow window, one above the other, where an open one covers the rest. */
function Panels({ storage }) {
  const plugin = useGraphiQL((state) => state.visiblePlugin);
  const isNarrow = useIsNarrow();
  const hasColumn = plugin !== null && !isNarrow;
  const kept = useDefaultLayout({
    id: isNarrow ? "chitty-rows" : "chitty-columns",
    panelIds: [...(hasColumn ? ["plugin"] : []), "editors", "response"],
    storage: storage ?? NOTHING,
  });
  // The keys keep the editors, and what is written in them, when panels come and go.
  return (
    <main className="chitty-main">
      <Group {...kept} id="chitty-panels" orientation={isNarrow ? "vertical" : "horizontal"}>
        {hasColumn && (
          <Panel defaultSize="21" id="plugin" key="plugin" maxSize="45" minSize={200}>
            <Plugin plugin={plugin} />
          </Panel>
        )}
        {hasColumn && <Separator aria-label="Width of the panel" className="chitty-separator" key="panel-separator" />}
        <Panel id="editors" key="editors" minSize={150}>
          <Editors />
        </Panel>
        <Separator aria-label="Size of the editors" className="chitty-separator" key="separator" />
        <Panel id="response" key="response" minSize={120}>
          <Response />
        </Panel>
      </Group>
      {plugin && isNarrow && <Plugin plugin={plugin} />}
    </main>
  );
}

const Plugin = ({ plugin: { title, content: Content } }) => (
  <aside aria-label={title} className="graphiql-plugin chitty-panel" tabIndex={0}>
    <Content />
  </aside>
);

function useSelected(name) {
  const { setOperationName } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  useEffect(() => {
    if (queryEditor && name) setOperationName(name);
  }, [name, queryEditor, setOperationName]);
}

/** Run the operation with Ctrl-Enter wherever the focus is; the editors have a key binding of their own. */
function useRunKey() {
  const { run } = useGraphiQLActions();
  useEffect(() => {
    function press(event) {
      const isRun = event.key === "Enter" && (event.ctrlKey || event.metaKey);
      if (isRun && !event.target.closest(".monaco-editor")) run();
    }
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, [run]);
}
