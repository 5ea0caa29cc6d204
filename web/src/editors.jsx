import {
  ChevronDownIcon,
  ChevronUpIcon,
  HeaderEditor,
  KeyCode,
  pick,
  QueryEditor,
  Spinner,
  useGraphiQL,
  useMonaco,
  VariableEditor,
} from "@graphiql/react";
import { useEffect, useState } from "react";
import { Group, Panel, Separator, usePanelRef } from "react-resizable-panels";
import { IconButton } from "./buttons.jsx";
import { Toolbar } from "./toolbar.jsx";

const TOOLS = ["Variables", "Headers"];
const OPTIONS = {
  fontSize: 13,
  lineHeight: 20,
  padding: { top: 8 },
  renderFinalNewline: "on", // else its number is dimmed beyond reading
  wordWrap: "on",
};
const PLAIN_BRACKETS = { bracketColorizationOptions: { enabled: false, independentColorPoolPerBracketType: false } };
const BAR = 36; // pixels: what is left of the tools when they are closed
const HINT = "Enter goes into the editor, Escape out of it.";
// Escape closes what the editor shows above the text first.
const IS_PLAIN =
  "editorTextFocus && !suggestWidgetVisible && !findWidgetVisible && !parameterHintsVisible && !editorHasSelection" +
  " && !editorHasMultipleSelections && !inSnippetMode && !renameInputVisible && !editorHoverFocused";

/** The operation with its toolbar, and its variables and headers. */
export function Editors() {
  const hasMonaco = useMonaco((state) => Boolean(state.monaco));
  useReadableEditors();
  return (
    <div className="graphiql-editors chitty-column" id="chitty-editors" role="tabpanel" aria-label="Operation">
      <Toolbar />
      <Group className="chitty-fill" id="chitty-editor-rows" orientation="vertical">
        <Panel id="query" minSize={60}>
          <div className="graphiql-query-editor chitty-editor">
            {hasMonaco ? <QueryEditor aria-label="Operation editor" role="group" title={HINT} /> : <Spinner />}
          </div>
        </Panel>
        <Separator aria-label="Height of the operation" className="chitty-separator" />
        <Tools />
      </Group>
    </div>
  );
}

function Tools() {
  const hasVariables = useGraphiQL((state) => state.initialVariables.trim() !== "");
  const [tool, setTool] = useState(TOOLS[0]);
  const [isOpen, setIsOpen] = useState(hasVariables);
  const panel = usePanelRef();

  function show(name) {
    setTool(name);
    panel.current.expand();
  }

  function press(event) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = TOOLS.find((name) => name !== tool);
    setTool(other);
    event.currentTarget.querySelector(`[data-tool="${other}"]`).focus();
  }

  return (
    <Panel
      collapsedSize={BAR}
      collapsible
      defaultSize={hasVariables ? "32" : BAR}
      groupResizeBehavior={isOpen ? "preserve-relative-size" : "preserve-pixel-size"}
      id="tools"
      minSize={120}
      onResize={({ inPixels }) => setIsOpen(inPixels > BAR + 1)}
      panelRef={panel}
    >
      <div className="graphiql-editor-tool chitty-column">
        <div className="chitty-bar">
          <div aria-label="Variables and headers" className="chitty-tab-list" onKeyDown={press} role="tablist">
            {TOOLS.map((name) => (
              <button
                aria-controls="chitty-tool"
                aria-selected={isOpen && name === tool}
                className="chitty-tab"
                data-tool={name}
                key={name}
                onClick={() => show(name)}
                role="tab"
                tabIndex={name === tool ? 0 : -1}
                type="button"
              >
                {name}
              </button>
            ))}
          </div>
          <span className="chitty-spacer" />
          <IconButton
            aria-expanded={isOpen}
            label={isOpen ? "Hide variables and headers" : "Show variables and headers"}
            onClick={() => (isOpen ? panel.current.collapse() : panel.current.expand())}
          >
            {isOpen ? <ChevronDownIcon aria-hidden="true" /> : <ChevronUpIcon aria-hidden="true" />}
          </IconButton>
        </div>
        <div aria-label={tool} className="chitty-editor" hidden={!isOpen} id="chitty-tool" role="tabpanel">
          <VariableEditor
            aria-label="Variables editor"
            className={tool === "Variables" ? "" : "hidden"}
            role="group"
            title={HINT}
          />
          <HeaderEditor
            aria-label="Headers editor"
            className={tool === "Headers" ? "" : "hidden"}
            role="group"
            title={HINT}
          />
        </div>
      </div>
    </Panel>
  );
}

/** Wrap lines, name the editors for screen readers, and let Escape lead out of them. */
function useReadableEditors() {
  const { queryEditor, variableEditor, headerEditor, responseEditor } = useGraphiQL(
    pick("queryEditor", "variableEditor", "headerEditor", "responseEditor"),
  );
  useEffect(() => {
    const named = { Operation: queryEditor, Variables: variableEditor, Headers: headerEditor, Response: responseEditor };
    const leaving = Object.entries(named).map(([name, editor]) => {
      editor?.updateOptions({ ...OPTIONS, ariaLabel: name });
      editor?.getModel().updateOptions(PLAIN_BRACKETS);
      return editor?.addAction({
        id: "chitty-leave",
        keybindings: [KeyCode.Escape],
        keybindingContext: IS_PLAIN,
        label: "Leave the editor",
        run: () => editor.getContainerDomNode().focus(),
      });
    });
    return () => leaving.forEach((each) => each?.dispose());
  }, [queryEditor, variableEditor, headerEditor, responseEditor]);
}
