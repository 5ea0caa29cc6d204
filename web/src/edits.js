/**
 * Edits of a document's text at the places that the parser found, so that comments and layout stay.
 *
 * Nodes are graphql-js nodes of the very text. An edit replaces the characters from `start` to `end` with `text`.
 */

export const applied = (text, { start, end, text: replacement }) =>
  text.slice(0, start) + replacement + text.slice(end);

export const replaced = ({ loc }, code) => ({ start: loc.start, end: loc.end, text: code });

/** Add a selection, whose code may have lines, to the end of a selection set. */
export function withSelection(text, set, code) {
  const last = set.selections.at(-1);
  if (!hasLines(text, set)) return insertion(last.loc.end, ` ${code.replace(/\s+/g, " ")}`);
  const rest = text.slice(last.loc.end).match(/^[^\n]*/)[0];
  const after = /^\s*(#.*)?$/.test(rest) ? rest.length : 0; // stay behind a comment on that line
  const indent = indentationAt(text, last.loc.start);
  return insertion(last.loc.end + after, `\n${indent}${code.replaceAll("\n", `\n${indent}`)}`);
}

/** Remove a selection that is not the only one of its set, with the line that it leaves empty. */
export function withoutSelection(text, { loc }) {
  const before = text.slice(0, loc.start).match(/\n?[ \t,]*$/)[0];
  const isLine = /^[ \t,]*(\n|$)/.test(text.slice(loc.end)) && before.startsWith("\n");
  const isSpaced = /^\s/.test(text.slice(loc.end));
  return { start: loc.start - (isLine || isSpaced ? before.length : 0), end: loc.end, text: "" };
}

/** Add an argument to a field. */
export const withArgument = (text, field, code) =>
  field.arguments.length ? behind(text, field.arguments, code) : insertion(field.name.loc.end, `(${code})`);

/** Remove an argument of a field, and the parentheses with the only one. */
export function withoutArgument(text, field, argument) {
  if (field.arguments.length > 1) return without(field.arguments, argument);
  const close = text.indexOf(")", argument.loc.end);
  return { start: field.name.loc.end, end: close + 1, text: "" };
}

/** Add a field to an input object. */
export const withObjectField = (text, object, code) =>
  object.fields.length ? behind(text, object.fields, code) : replaced(object, `{ ${code} }`);

/** Remove a field of an input object. */
export const withoutObjectField = (object, field) =>
  object.fields.length > 1 ? without(object.fields, field) : replaced(object, "{}");

/** Add an item to a list. */
export const withListItem = (text, list, code) =>
  list.values.length ? behind(text, list.values, code) : replaced(list, `[${code}]`);

const insertion = (at, text) => ({ start: at, end: at, text });
const hasLines = (text, { loc }) => text.slice(loc.start, loc.end).includes("\n");

function behind(text, entries, code) {
  const [last, previous] = [entries.at(-1), entries.at(-2)];
  const gap = previous ? text.slice(previous.loc.end, last.loc.start) : text.slice(0, last.loc.start).match(/\s*$/)[0];
  const separator = gap.includes("\n") ? `\n${indentationAt(text, last.loc.start)}` : ", ";
  return insertion(last.loc.end, separator + code);
}

function without(entries, entry) {
  const at = entries.indexOf(entry);
  return at
    ? { start: entries[at - 1].loc.end, end: entry.loc.end, text: "" }
    : { start: entry.loc.start, end: entries[1].loc.start, text: "" };
}

function indentationAt(text, offset) {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  return line.match(/^[ \t]*/)[0];
}
