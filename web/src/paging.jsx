import {
  pick,
  tryParseJSONC,
  useGraphiQL,
  useGraphiQLActions,
  useOperationsEditorState,
  useVariablesEditorState,
} from "@graphiql/react";
import { parse } from "graphql";
import { TextButton } from "./buttons.jsx";
import { edit } from "./editing.js";
import { pagesOf, told, turned } from "./paging.js";

/** Buttons that ask for another page of each list: they put the cursor into the operation, and run it. */
export function Paging({ last }) {
  const { run } = useGraphiQLActions();
  const { queryEditor, variableEditor, operationName } = useGraphiQL(
    pick("queryEditor", "variableEditor", "operationName"),
  );
  const [text] = useOperationsEditorState();
  useVariablesEditorState(); // drawn again when a cursor in them changes
  if (!last?.result.data || !queryEditor) return null;
  const pages = pagesOf(last.result.data, parsed(text), operationName);

  function turn(page, cursor) {
    const change = turned(text, page, cursor);
    if (change.edit) edit(queryEditor, change.edit);
    else setVariable(variableEditor, change.variable, change.value);
    run();
  }

  function tell(page) {
    edit(queryEditor, told(text, page));
    run();
  }

  const of = ({ name }) => (pages.length > 1 ? ` of ${name}` : "");
  return pages.map((page) => (
    <span className="chitty-paging" key={page.name}>
      {!page.isTold && (
        <TextButton onClick={() => tell(page)} title="Adds pageInfo to the operation, and runs it">
          More pages{of(page)}?
        </TextButton>
      )}
      {page.argument && isSet(page.argument, variableEditor) && (
        <TextButton onClick={() => turn(page, null)}>First page{of(page)}</TextButton>
      )}
      {page.isTold && (
        <TextButton disabled={!page.cursor} onClick={() => turn(page, page.cursor)}>
          {page.direction.label}
          {of(page)}
        </TextButton>
      )}
    </span>
  ));
}

function parsed(text) {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

function variablesOf(editor) {
  try {
    return tryParseJSONC(editor?.getValue()) ?? {};
  } catch {
    return {};
  }
}

const isSet = ({ value }, variableEditor) =>
  value.kind === "Variable" ? Boolean(variablesOf(variableEditor)[value.name.value]) : value.kind === "StringValue";

function setVariable(editor, name, value) {
  const { [name]: _, ...others } = variablesOf(editor);
  const all = value === null ? others : { ...others, [name]: value };
  editor.setValue(Object.keys(all).length ? JSON.stringify(all, null, 2) : "");
}
