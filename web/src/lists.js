/** The lists of a result as tables: rows of cells under columns that are named by the path to their values. */

const ENTRIES = ["nodes", "edges"];
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Every list of the result that lies in no other, with its path as name; the nodes of a page are its list. */
export function listsOf(value, path = []) {
  if (Array.isArray(value)) return [{ name: path.filter((key) => !ENTRIES.includes(key)).join("."), rows: value }];
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, part]) => listsOf(part, [...path, key]));
}

/** The columns of rows, in the order in which the rows have them, and the cells of each row by column. */
export function tableOf(rows) {
  const cells = rows.map((row) => (isObject(row) ? Object.fromEntries(flattened(entry(row))) : { value: row }));
  const columns = [...new Set(cells.flatMap((each) => Object.keys(each)))];
  // An object that is null in some rows has columns of its fields from the others.
  const isNullObject = (column) =>
    columns.some((other) => other.startsWith(`${column}.`)) && cells.every((row) => (row[column] ?? null) === null);
  return { columns: columns.filter((column) => !isNullObject(column)), cells };
}

/** An edge is shown as its node, with the other fields behind. */
const entry = (row) => (isObject(row.node) ? (({ node, ...rest }) => ({ ...node, ...rest }))(row) : row);

function* flattened(object, path = []) {
  for (const [key, value] of Object.entries(object)) {
    const name = [...path, key].filter((each) => !ENTRIES.includes(each)).join(".");
    if (isObject(value) && Object.keys(value).length) yield* flattened(value, [...path, key]);
    else yield [name, value];
  }
}
