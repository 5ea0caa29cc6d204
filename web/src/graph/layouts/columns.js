/** A layout in columns, one or more for each kind, from actors to installations. */

import { WORDS } from "../kinds.js";
import { firstFree, neighboursOf, Places } from "./places.js";

const COLUMNS = Object.keys(WORDS);
const COLUMN_WIDTH = 230; // pixels
const ROW_HEIGHT = 42;
const MOST_IN_COLUMN = 30; // nodes, before a second column of the kind begins

export function inColumns({ nodes, free, edges }) {
  const neighbours = neighboursOf(nodes, edges);
  const places = new Places(nodes);
  const isAnew = free.length === nodes.length;
  const starts = columnStarts(isAnew ? nodes : []);
  const order = isAnew ? sorted(free, neighbours) : free;
  const result = {};
  for (const [column, kind] of COLUMNS.entries()) {
    const own = order.filter((node) => node.kind === kind);
    const sides = isAnew ? starts.counts[column] : 1;
    const rows = Math.ceil(own.length / sides);
    own.forEach(({ id }, index) => {
      const x = starts.at[column] + (isAnew ? Math.floor(index / rows) * COLUMN_WIDTH : 0);
      const wanted = isAnew ? ((index % rows) - (rows - 1) / 2) * ROW_HEIGHT : (places.mean(neighbours.get(id), "y") ?? 0);
      result[id] = firstFree(places, wanted, (y) => ({ x: isAnew ? x : columnOf(places, nodes, kind, x), y }), ROW_HEIGHT);
      places.take(id, result[id]);
    });
  }
  return result;
}

/** Where nodes of a kind lie already, or `otherwise`. */
function columnOf(places, nodes, kind, otherwise) {
  const placed = nodes.find((node) => node.kind === kind && node.x !== undefined);
  return placed ? placed.x : otherwise;
}

/** Where the columns of each kind begin, and how many each has. */
function columnStarts(nodes) {
  const counts = COLUMNS.map((kind) =>
    Math.max(1, Math.ceil(nodes.filter((node) => node.kind === kind).length / MOST_IN_COLUMN)),
  );
  let before = 0;
  const at = counts.map((count) => (before += count) * COLUMN_WIDTH - count * COLUMN_WIDTH);
  return { counts, at };
}

/** Nodes in an order in which those that are related lie beside each other: by the mean of their neighbours' ranks. */
function sorted(nodes, neighbours) {
  let order = [...nodes];
  for (let round = 0; round < 6; round++) {
    const ranks = new Map();
    for (const kind of COLUMNS) {
      const own = order.filter((node) => node.kind === kind);
      own.forEach(({ id }, index) => ranks.set(id, (index + 0.5) / own.length));
    }
    const wanted = new Map(
      order.map(({ id }) => {
        const others = neighbours.get(id);
        return [id, others.length ? others.reduce((sum, other) => sum + ranks.get(other), 0) / others.length : ranks.get(id)];
      }),
    );
    order = order.toSorted((a, b) => wanted.get(a.id) - wanted.get(b.id));
  }
  return order;
}
