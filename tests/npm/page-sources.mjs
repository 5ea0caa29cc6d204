// The parts of GraphiQL's page that need no browser: node page-sources.mjs
//
// Prints one JSON object: by each case's name, what it made.
import { parse } from "graphql";
import * as edits from "../../web/src/edits.js";
import { listsOf, tableOf } from "../../web/src/lists.js";
import { pagesOf, turned } from "../../web/src/paging.js";
import { curlCommand } from "../../web/src/sharing.js";

const TEXT = `# Mine
query A($after: String) {
  contexts(
    first: 2
    after: $after # where
  ) { # few
    nodes { id name } # both
    totalCount
  }
  actors { nodes { id } }
}`;
const { definitions } = parse(TEXT);
const [contexts, actors] = definitions[0].selectionSet.selections;
const [nodes, totalCount] = contexts.selectionSet.selections;
const [first, after] = contexts.arguments;

function edited(edit) {
  const text = edits.applied(TEXT, edit);
  parse(text);
  return text;
}

const FILTER = '{ a(filter: { x: { eq: "1" }, y: 2 }, list: [1]) }';
const [filter, list] = parse(FILTER).definitions[0].selectionSet.selections[0].arguments;
const refiltered = (edit) => edits.applied(FILTER, edit);

const NOTED = "{\n  a # note\n}";

const DATA = {
  viewer: { capabilities: ["admin"] },
  contexts: {
    totalCount: 3,
    edges: [
      { node: { name: "a", owner: { id: 1 }, connections: { nodes: [{ id: 7 }] } }, cursor: "c" },
      { node: { name: null, owner: null, tags: {} }, cursor: "d" },
    ],
    pageInfo: { hasNextPage: true, endCursor: "d" },
  },
};
const PAGED = `query P($after: String) {
  ...All
  last: actors(last: 2) { pageInfo { hasPreviousPage startCursor } }
  one { contexts(after: $after) { nodes { more { nodes { id } pageInfo { hasNextPage } } } } }
}
fragment All on Query { ... on Query { some: contexts(first: 1) { nodes { id } pageInfo { hasNextPage endCursor } } } }`;
const PAGED_DATA = {
  some: { nodes: [], pageInfo: { hasNextPage: true, endCursor: 'e"' } },
  last: { pageInfo: { hasPreviousPage: false, startCursor: "s" } },
  one: { contexts: { nodes: [{ more: { nodes: [], pageInfo: { hasNextPage: true } } }] } },
};
const pages = pagesOf(PAGED_DATA, parse(PAGED), "P");

console.log(
  JSON.stringify({
    operation: TEXT,
    input: FILTER,
    addField: edited(edits.withSelection(TEXT, contexts.selectionSet, "pageInfo {\n  endCursor\n}")),
    addFieldBehindComment: edits.applied(NOTED, edits.withSelection(NOTED, parse(NOTED).definitions[0].selectionSet, "b")),
    addFieldInLine: edited(edits.withSelection(TEXT, nodes.selectionSet, "owner {\n  id\n}")),
    removeFieldWithItsLine: edited(edits.withoutSelection(TEXT, totalCount)),
    removeFieldInLine: edited(edits.withoutSelection(TEXT, nodes.selectionSet.selections[0])),
    addFirstArgument: edited(edits.withArgument(TEXT, actors, "first: 1")),
    addArgumentOnItsLine: edited(edits.withArgument(TEXT, contexts, "last: 1")),
    removeFirstArgument: edited(edits.withoutArgument(TEXT, contexts, first)),
    removeLastArgument: edited(edits.withoutArgument(TEXT, contexts, after)),
    addObjectField: refiltered(edits.withObjectField(FILTER, filter.value, "z: 3")),
    addToEmptyObject: edits.applied("{ a(b: {}) }", emptyObject()),
    removeObjectField: refiltered(edits.withoutObjectField(filter.value, filter.value.fields[0])),
    removeOnlyObjectField: refiltered(
      edits.withoutObjectField(filter.value.fields[0].value, filter.value.fields[0].value.fields[0]),
    ),
    addToList: refiltered(edits.withListItem(FILTER, list.value, "2")),
    lists: listsOf(DATA).map(({ name, rows }) => ({ name, ...tableOf(rows) })),
    pages: pages.map(({ name, direction, cursor, isTold }) => [name, direction.label, cursor, isTold]),
    turnedWithLiteral: edits.applied(PAGED, turned(PAGED, pages[0], pages[0].cursor).edit).split("\n")[5],
    turnedWithVariable: turned(PAGED, pages[2], "c"),
    command: curlCommand("http://localhost/graphql", {
      query: `{ a(b: "'${"\u007f".repeat(3)}; echo run #\u009b201~") }`,
      variables: '{\t"c": "\u007f" }',
    }),
    streamCommand: curlCommand("http://localhost/graphql", {
      query: "subscription { changes { id } }",
      headers: { accept: "text/event-stream" },
      isStream: true,
    }),
    pagesOfMutation: pagesOf(PAGED_DATA, parse("mutation { some { nodes { id } } }")),
  }),
);

function emptyObject() {
  const [{ value }] = parse("{ a(b: {}) }").definitions[0].selectionSet.selections[0].arguments;
  return edits.withObjectField("{ a(b: {}) }", value, "c: 1");
}
