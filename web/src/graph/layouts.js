/**
 * Where nodes lie. Nodes that have a place keep it; others get one beside what they are related to.
 *
 * A layout gets `nodes` (id, kind and, if it is placed, x and y), `edges` (two ids each) and the id of the `center`, and
 * gives the places of nodes that had none: by id, x and y in pixels. It is the same for the same input.
 */

import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from "d3-force";
import { WORDS } from "./kinds.js";

const COLUMNS = Object.keys(WORDS);
const COLUMN_WIDTH = 190;
const MOST_IN_COLUMN = 30; // nodes, before a second column of the kind begins
const ROW_HEIGHT = 46;
const RING_WIDTH = 130;
const SPACE = 46; // pixels between nodes on rings
const CELL = 40; // pixels: how near nodes may come
const LINK_LENGTH = 66;
const RADIUS = 27; // pixels that a node and its label take in the layout by forces
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

export function placesOf({ layout, nodes, edges, center }) {
  const free = nodes.filter(({ x }) => x === undefined);
  if (!free.length) return {};
  return { force: byForces, columns: inColumns, rings: onRings }[layout]({ nodes, free, edges, center });
}

/** By node, the ids of its neighbours. */
function neighboursOf(nodes, edges) {
  const neighbours = new Map(nodes.map(({ id }) => [id, []]));
  for (const [from, to] of edges) {
    neighbours.get(from).push(to);
    neighbours.get(to).push(from);
  }
  return neighbours;
}

/** Steps from the center to each node that is reached. */
function distancesFrom(center, neighbours) {
  const distances = new Map([[center, 0]]);
  for (const id of distances.keys()) {
    for (const other of neighbours.get(id)) if (!distances.has(other)) distances.set(other, distances.get(id) + 1);
  }
  return distances;
}

const ticksOf = (count) => (count <= 300 ? 260 : count <= 1000 ? 140 : 80);

function byForces({ nodes, free, edges }) {
  const bodies = nodes.map(({ id, x, y }) => (x === undefined ? { id } : { id, x, y, fx: x, fy: y }));
  const byId = new Map(bodies.map((body) => [body.id, body]));
  const neighbours = neighboursOf(nodes, edges);
  free.forEach(({ id }, index) => {
    const placed = neighbours.get(id).map((other) => byId.get(other)).filter(({ x }) => x !== undefined);
    const mean = (axis) => placed.reduce((sum, each) => sum + each[axis], 0) / (placed.length || 1);
    const distance = placed.length ? LINK_LENGTH : 12 * Math.sqrt(index + 1);
    const angle = index * GOLDEN_ANGLE;
    const at = { x: mean("x") + distance * Math.cos(angle), y: mean("y") + distance * Math.sin(angle) };
    Object.assign(byId.get(id), at);
  });
  const links = edges.map(([source, target]) => ({ source, target }));
  const simulation = forceSimulation(bodies)
    .force("link", forceLink(links).id(({ id }) => id).distance(LINK_LENGTH))
    .force("charge", forceManyBody().strength(-260).distanceMax(700))
    .force("collide", forceCollide(RADIUS).strength(0.9))
    .force("x", forceX().strength(0.035))
    .force("y", forceY().strength(0.055)) // pictures are wider than high
    .stop();
  const ticks = ticksOf(bodies.length);
  simulation.alphaDecay(1 - 0.001 ** (1 / ticks)).tick(ticks);
  return Object.fromEntries(free.map(({ id }) => [id, rounded(byId.get(id))]));
}

const rounded = ({ x, y }) => ({ x: Math.round(x), y: Math.round(y) });

/** Which places are taken, so that no two nodes lie on each other. */
class Places {
  #cells = new Map();

  constructor(nodes) {
    this.byId = new Map();
    for (const { id, x, y } of nodes) if (x !== undefined) this.take(id, { x, y });
  }

  take(id, place) {
    const key = `${Math.floor(place.x / CELL)} ${Math.floor(place.y / CELL)}`;
    if (!this.#cells.has(key)) this.#cells.set(key, []);
    this.#cells.get(key).push(place);
    this.byId.set(id, place);
  }

  isFree({ x, y }) {
    const [column, row] = [Math.floor(x / CELL), Math.floor(y / CELL)];
    for (let across = column - 1; across <= column + 1; across++) {
      for (let down = row - 1; down <= row + 1; down++) {
        for (const other of this.#cells.get(`${across} ${down}`) ?? []) {
          if (Math.hypot(other.x - x, other.y - y) < CELL) return false;
        }
      }
    }
    return true;
  }

  /** The mean of an axis over those of the nodes that have a place; undefined if none has. */
  mean(ids, axis) {
    const values = ids.filter((id) => this.byId.has(id)).map((id) => this.byId.get(id)[axis]);
    return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
  }
}

function inColumns({ nodes, free, edges }) {
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

/** The place nearest to the wanted value that is free, going out from it by steps to both sides. */
function firstFree(places, wanted, placeAt, step) {
  for (let offset = 0; ; offset++) {
    for (const side of offset ? [1, -1] : [0]) {
      const place = rounded(placeAt(wanted + side * offset * step));
      if (places.isFree(place)) return place;
    }
  }
}

function onRings({ nodes, free, edges, center }) {
  const neighbours = neighboursOf(nodes, edges);
  const middle = neighbours.has(center) ? center : nodes[0].id;
  const distances = distancesFrom(middle, neighbours);
  const outermost = Math.max(0, ...distances.values()) + 1;
  const ringOf = ({ id }) => distances.get(id) ?? outermost;
  const places = new Places(nodes);
  const origin = places.byId.get(middle) ?? { x: 0, y: 0 };
  const radii = radiiOf(nodes, ringOf, outermost);
  const result = {};
  const byRing = free.toSorted((a, b) => ringOf(a) - ringOf(b));
  const angles = new Map();
  for (let index = 0; index < byRing.length; ) {
    const ring = ringOf(byRing[index]);
    const own = byRing.slice(index).filter((node) => ringOf(node) === ring);
    index += own.length;
    const angleOf = ({ id }) => {
      const towards = neighbours.get(id).filter((other) => places.byId.has(other) && other !== middle);
      return towards.length
        ? Math.atan2(places.mean(towards, "y") - origin.y, places.mean(towards, "x") - origin.x)
        : undefined;
    };
    own.forEach((node, at) => angles.set(node.id, angleOf(node) ?? (at / own.length) * 2 * Math.PI - Math.PI));
    for (const { id } of own.toSorted((a, b) => angles.get(a.id) - angles.get(b.id))) {
      result[id] = ring ? onRing(places, origin, radii[ring], angles.get(id)) : rounded(origin);
      places.take(id, result[id]);
    }
  }
  return result;
}

/** The radius of each ring: so much longer than the one before it that its nodes fit. */
function radiiOf(nodes, ringOf, outermost) {
  const radii = [0];
  for (let ring = 1; ring <= outermost; ring++) {
    const count = nodes.filter((node) => ringOf(node) === ring).length;
    radii.push(Math.max(radii[ring - 1] + RING_WIDTH, (count * SPACE) / (2 * Math.PI)));
  }
  return radii;
}

/** The place on a ring that is nearest to the angle, or on a wider one if it is full. */
function onRing(places, origin, radius, angle) {
  for (let wider = radius; ; wider += SPACE) {
    const step = SPACE / wider;
    for (let offset = 0; offset * step <= Math.PI; offset++) {
      for (const side of offset ? [1, -1] : [0]) {
        const at = angle + side * offset * step;
        const place = rounded({ x: origin.x + wider * Math.cos(at), y: origin.y + wider * Math.sin(at) });
        if (places.isFree(place)) return place;
      }
    }
  }
}
