// The parts of GraphiQL's page that need no browser: node page-sources.mjs
//
// Prints one JSON object: by each case's name, what it made.
import { readFileSync } from "node:fs";
import { buildSchema, parse } from "graphql";
import { graphLink, objectsOf, selectingIds } from "../../web/src/as-graph.js";
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

// Objects in every form, of which the second half has nothing that names them.
const schema = buildSchema(readFileSync(new URL("../../schema/schema.graphql", import.meta.url), "utf8"));
const OBJECTS = `query Objects {
  actors { edges { node { key: chittyId contexts { nodes { ...Named } } } } }
  installation(installationId: "7") { installationId connections { nodes { connectionId source { ... on Actor { chittyId: displayName } ... on Context { name } } } } }
  services { nodes { name } }
  shortestPath(from: "a", to: "b") { from to }
  first: context(chittyId: "c") { name owner { displayName } }
  node(id: "x") { __typename ... on Context { chittyId: name key: chittyId } ... on Actor { chittyId } }
}
fragment Named on Context { id ... on Node { id } }`;
const idOf = (text) => Buffer.from(text).toString("base64url");
const OBJECTS_DATA = {
  actors: { edges: [{ node: { key: "A-1", contexts: { nodes: [{ id: idOf("Context:C-1") }, { id: idOf("Context:C-1") }] } } }] },
  installation: { installationId: "7", connections: { nodes: [{ connectionId: "k,&1", source: { chittyId: "Ada" } }] } },
  services: { nodes: [{ name: "git hub" }, { name: "日本" }] },
  shortestPath: [{ from: idOf("Actor:A-1"), to: idOf("Service:s") }],
  first: { name: "c", owner: { displayName: "Ada" } },
  node: { __typename: "Context", chittyId: "c", key: "C-2" },
};
const named = objectsOf(OBJECTS_DATA, { schema, document: parse(OBJECTS) });
const withIds = selectingIds(OBJECTS, named.unnamed).reduce(edits.applied, OBJECTS);
const NO_IDS = [idOf("Change:1"), idOf("Actor:"), "QWN0b3I6", `${idOf("Context:")}!!`, "Context:C-1", "x".repeat(2000), null, 7];
const many = Array.from({ length: 812 }, (_, n) => `context:${n}`);
const long = Array.from({ length: 499 }, (_, n) => `context:${"x".repeat(80)}${n}`);
const RECURSIVE = "query { ...A } fragment A on Query { ...A ...B actors { nodes { id } } } fragment B on Query { ...A }";

console.log(
  JSON.stringify({
    objects: named.found,
    objectsWithoutSchema: objectsOf(OBJECTS_DATA).found,
    selectsIds: withIds,
    noIds: objectsOf({ list: NO_IDS }).found,
    selectsNoIdsOfMutations: objectsOf(OBJECTS_DATA, { schema, document: parse("mutation { first { name } }") }).unnamed,
    ofRecursiveFragments: objectsOf({ actors: { nodes: [{ id: idOf("Actor:1") }] } }, { schema, document: parse(RECURSIVE) }).found,
    linkToFew: graphLink(named.found, "http://localhost/graph"),
    linkToMany: graphLink(many, "http://localhost/graph").count,
    linkToLong: graphLink(long, "http://localhost/graph").count,
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
