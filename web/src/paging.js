import { replaced, withArgument, withoutArgument, withSelection } from "./edits.js";

const FORWARD = { argument: "after", has: "hasNextPage", cursor: "endCursor", label: "Next page" };
const BACKWARD = { argument: "before", has: "hasPreviousPage", cursor: "startCursor", label: "Previous page" };

/**
 * The pages of a result that lie in no other list, each with its field in the document.
 *
 * Each has a `name`, its path in the result, and `next`: the direction in which there is another page, with the
 * cursor that leads there. `isFirst` is false if the field names a cursor already, `isTold` if its `pageInfo` is here.
 */
export function pagesOf(data, document, operationName) {
  const definitions = document?.definitions ?? [];
  const operations = definitions.filter(({ kind }) => kind === "OperationDefinition");
  const operation = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  if (!operation || operation.operation !== "query") return [];
  const fragments = new Map(
    definitions.filter(({ kind }) => kind === "FragmentDefinition").map((each) => [each.name.value, each]),
  );
  return [...connections(data)].flatMap(([path, page]) => {
    const field = fieldAt(operation.selectionSet, path, fragments);
    return field ? [pageOf(path, page, field)] : [];
  });
}

function pageOf(path, page, field) {
  const named = (name) => field.arguments.find((argument) => argument.name.value === name);
  const direction = named("last") ? BACKWARD : FORWARD;
  const cursor = page.pageInfo?.[direction.has] === true ? page.pageInfo[direction.cursor] : null;
  return {
    name: path.join("."),
    field,
    direction,
    argument: named(direction.argument),
    cursor: typeof cursor === "string" ? cursor : null,
    isTold: page.pageInfo?.[direction.has] !== undefined,
  };
}

/** How to ask for another page: an `edit` of the text, or a variable's new value; a null cursor is the first page. */
export function turned(text, { field, direction, argument }, cursor) {
  if (argument?.value.kind === "Variable") return { variable: argument.value.name.value, value: cursor };
  if (cursor === null) return { edit: withoutArgument(text, field, argument) };
  const code = JSON.stringify(cursor);
  return {
    edit: argument ? replaced(argument.value, code) : withArgument(text, field, `${direction.argument}: ${code}`),
  };
}

/** The edit that selects what tells whether there is another page. */
export const told = (text, { field, direction }) =>
  withSelection(text, field.selectionSet, `pageInfo {\n  ${direction.has}\n  ${direction.cursor}\n}`);

function* connections(value, path = []) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return;
  if (path.length && (Array.isArray(value.nodes) || Array.isArray(value.edges) || value.pageInfo)) yield [path, value];
  for (const [key, part] of Object.entries(value)) yield* connections(part, [...path, key]);
}

function fieldAt(set, [key, ...rest], fragments) {
  for (const selection of set?.selections ?? []) {
    const within = selection.kind === "FragmentSpread" ? fragments.get(selection.name.value) : selection;
    if (selection.kind !== "Field") {
      const found = fieldAt(within?.selectionSet, [key, ...rest], fragments);
      if (found) return found;
    } else if ((selection.alias ?? selection.name).value === key) {
      const found = rest.length ? fieldAt(selection.selectionSet, rest, fragments) : selection;
      if (found) return found;
    }
  }
  return null;
}
