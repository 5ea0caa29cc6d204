// The parts of the graph page that need no browser: node graph-sources.mjs
//
// Prints one JSON object: by each case's name, what it made.
import { readFile } from "node:fs/promises";
import { buildSchema, parse, validate } from "graphql";
import { createTelling, eventOf } from "../../web/src/graph/events.js";
import { described, nodeOf } from "../../web/src/graph/kinds.js";
import { roomFor } from "../../web/src/graph/label-room.js";
import { inColumns } from "../../web/src/graph/layouts/columns.js";
import { onRings } from "../../web/src/graph/layouts/rings.js";
import { linkTo, movedTo, placeOf, viewOf } from "../../web/src/graph/links.js";
import { partsOf, withoutMarks } from "../../web/src/graph/marks.js";
import { affectedBy, edgesOf, relationsOf, shownOf } from "../../web/src/graph/picture.js";
import * as queries from "../../web/src/graph/queries.js";
import { towards } from "../../web/src/graph/directions.js";

const schema = buildSchema(await readFile(new URL("../../schema/schema.graphql", import.meta.url), "utf8"));
const kinds = ["actor", "context", "installation", "connection", "service"];
const documents = {
  ...Object.fromEntries(Object.entries(queries).filter(([, value]) => typeof value === "string")),
  ...queries.DETAILS,
  LOOKUP: queries.lookup(kinds.map((kind) => ({ kind, key: "1" }))).query,
};
const wrong = Object.entries(documents).flatMap(([name, text]) =>
  validate(schema, parse(text)).map(({ message }) => `${name}: ${message}`),
);

const PAGE = "http://localhost/registry/graph";
const VIEW = {
  start: ["service:a, b & c=d"],
  depth: ["2"],
  nodes: ["Q29u", "context:CHITTY-CONTEXT-1", "service:naïve/%"],
  path: ["QQ", "QQ"],
  statuses: ["FAILED", "ACTIVE"],
  only: ["failing"],
  layout: ["rings"],
  at: ["-12", "0", "0.75"],
  moved: [movedTo("service:a~b", { x: -12, y: 340 })],
};
const link = linkTo(VIEW, PAGE);
const refused = viewOf("#depth=9&layout=odd&nodes=a,,b&at=1,2,x&kinds=ACTOR,ALL&__proto__=x&start&constructor=1&statuses=%E0%A4");

const ANSWERS = [
  { __typename: "Actor", id: "a", displayName: null, chittyId: "CHITTY-1", actorType: "AI", actorStatus: "SUSPENDED" },
  { __typename: "Context", id: "c", name: "docs", contextStatus: "ACTIVE", owner: { id: "a" } },
  { __typename: "Installation", id: "i", accountLogin: "octo", accountType: "USER", suspendedAt: "2026", uninstalledAt: null, suspendedBy: { id: "a" } },
  {
    __typename: "Connection",
    id: "x",
    targetService: "github",
    targetEndpoint: "https://api.github.com/a",
    connectionType: "API",
    connectionStatus: "FAILED",
    source: { id: "c", name: "docs" },
    installation: { id: "i" },
  },
  { __typename: "Service", id: "s", name: "github" },
  { __typename: "Service", id: "t", name: "other" },
];
const nodes = new Map(ANSWERS.map(nodeOf).map((node) => [node.id, node]));
const edges = edgesOf(nodes);
const relations = relationsOf(nodes, edges);
const affected = affectedBy(nodes, relations);
const shown = (filters) => [...shownOf(nodes, affected, { kinds: null, statuses: null, isFailingOnly: false, ...filters })];

/** A hub with many connections, of which each has one of some contexts. */
const HUB = {
  nodes: [
    { id: "hub", kind: "SERVICE" },
    ...Array.from({ length: 20 }, (_, index) => ({ id: `c${index}`, kind: "CONTEXT" })),
    ...Array.from({ length: 150 }, (_, index) => ({ id: `x${index}`, kind: "CONNECTION" })),
  ],
  edges: Array.from({ length: 150 }, (_, index) => [[`x${index}`, "hub"], [`c${index % 20}`, `x${index}`]]).flat(),
  center: "hub",
};

/** What a layout makes of the hub, and of it with some more nodes once the others have places. */
function laid(layout) {
  const before = layout({ ...HUB, free: HUB.nodes });
  const added = ["y1", "y2", "y3"].map((id) => ({ id, kind: "CONNECTION" }));
  const placed = HUB.nodes.map((node) => ({ ...node, ...before[node.id] }));
  const after = layout({
    ...HUB,
    nodes: [...placed, ...added],
    free: added,
    edges: [...HUB.edges, ...added.map(({ id }) => [id, "hub"])],
  });
  return { before, after, again: layout({ ...HUB, free: HUB.nodes }) };
}

const CROSS = {
  selected: "middle",
  shown: new Set(["middle", "left", "right", "up", "far"]),
  places: new Map(Object.entries({ middle: { x: 0, y: 0 }, left: { x: -50, y: 10 }, right: { x: 50, y: -10 }, up: { x: 5, y: -60 }, far: { x: 500, y: 0 } })),
  relations: new Map(["middle", "left", "right", "up", "far"].map((id) => [id, id === "up" ? [1, 2] : []])),
};

/** What is said of events: five at once, three in a pause of which the last is the newest, none in the next, one after it. */
function said() {
  const [notices, pauses] = [[], []];
  const tell = createTelling((notice) => notices.push(notice), (end) => pauses.push(end));
  const endPause = () => pauses.shift()();
  tell(["a", "b", "c", "d", "e"]);
  tell(["f"]);
  tell([]);
  tell(["g", "h"]);
  endPause();
  endPause();
  tell(["i"]);
  tell(["j"]);
  tell.stop();
  endPause();
  return { notices, left: pauses.length };
}

/** Where labels of 100 pixels are in a picture of 300 whose nodes lie at these x, one below the other. */
function labelsAt(xs) {
  const labels = xs.map((_, id) => ({ id, text: String(id), width: 100, half: 8, from: 0, isOverNodes: true, rank: 1 }));
  const placeOfLabel = (id) => ({ x: xs[id], y: 50 + 60 * id });
  const shown = roomFor(labels, 1, placeOfLabel, { width: 300, height: 400 });
  return shown.map(({ x, width }) => ({ left: x - width / 2, right: x + width / 2 }));
}

const [FAILED, ACTIVE] = ["FAILED", "ACTIVE"].map((status) => ({ title: "a → b", status }));
const EVENTS = [eventOf(ACTIVE, FAILED), eventOf(FAILED, ACTIVE), eventOf(ACTIVE, ACTIVE), eventOf(undefined, ACTIVE), eventOf(FAILED, null)];
const LONG = `#nodes=${Array.from({ length: 3000 }, (_, index) => `service:${index}`).join(",")}`;

const MARKED = "\uE000acme\uE001 owns \uE000acme\uE001-docs";

console.log(
  JSON.stringify({
    documents: Object.keys(documents).length,
    wrong,
    view: VIEW,
    link,
    restored: viewOf(new URL(link).hash),
    refused,
    halfPath: viewOf("#path=service:a"),
    cut: viewOf(LONG).isTooLong && linkTo({ nodes: viewOf(LONG).view.nodes.slice(-1) }, PAGE),
    cutItem: viewOf(`#only=failing&select=${"a".repeat(30_000)}`),
    said: said(),
    events: EVENTS,
    moved: placeOf(VIEW.moved[0]),
    notMoved: viewOf("#moved=service:a~1,service:a~x~1,~1~1,service:b~1~2"),
    expanded: [300, 301].map((count) => linkTo({ expand: Array.from({ length: count }, (_, index) => `service:${index}`) }, PAGE) !== null),
    labels: labelsAt([0, 5, 150, 295, 300]),
    tooMany: linkTo({ nodes: Array.from({ length: 501 }, () => "a") }, PAGE),
    tooLong: linkTo({ nodes: Array.from({ length: 400 }, () => "a".repeat(80)) }, PAGE),
    empty: linkTo({}, PAGE),
    titles: [...nodes.values()].map((node) => `${node.title}: ${described(node)}`),
    undrawn: [nodeOf(null), nodeOf({ __typename: "Change", id: "1" })],
    edges: [...edges.keys()],
    affected: [...affected],
    contexts: shown({ kinds: ["CONTEXT", "SERVICE"] }),
    active: shown({ statuses: ["ACTIVE"] }),
    failing: shown({ isFailingOnly: true }),
    marked: partsOf(MARKED),
    unmarked: withoutMarks(MARKED),
    columns: laid(inColumns),
    rings: laid(onRings),
    directions: [[-1, 0], [1, 0], [0, -1], [0, 1]].map((direction) => towards(CROSS, direction)),
    first: towards({ ...CROSS, selected: null }, [1, 0]),
  }),
);
