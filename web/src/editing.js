import { Range } from "@graphiql/react";

/** Make an edit in an editor, where it can be undone. */
export function edit(editor, { start, end, text }) {
  const model = editor.getModel();
  const [from, to] = [model.getPositionAt(start), model.getPositionAt(end)];
  const range = new Range(from.lineNumber, from.column, to.lineNumber, to.column);
  editor.pushUndoStop();
  editor.executeEdits("chitty", [{ range, text }]);
  editor.pushUndoStop();
}
