/** A layout by forces: what is related lies together, and all else apart. */

import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY } from "d3-force";
import { neighboursOf, rounded } from "./places.js";

const LINK_LENGTH = 66; // pixels
const RADIUS = 27; // pixels that a node and its label take
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

const ticksOf = (count) => (count <= 300 ? 260 : count <= 1000 ? 140 : 80);

export function byForces({ nodes, free, edges }) {
  const bodies = nodes.map(({ id, x, y }) => (x === undefined ? { id } : { id, x, y, fx: x, fy: y }));
  const byId = new Map(bodies.map((body) => [body.id, body]));
  const neighbours = neighboursOf(nodes, edges);
  begin(free.map(({ id }) => byId.get(id)), bodies, (id) => neighbours.get(id).map((other) => byId.get(other)));
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

/**
 * Give bodies places to begin at: beside a neighbour that has one, away from the middle, so that chains lie stretched.
 *
 * Those whose neighbours have none begin in a spiral.
 */
function begin(free, bodies, neighboursOf) {
  const isPlaced = ({ x }) => x !== undefined;
  const middle = meanOf(bodies.filter(isPlaced));
  const queue = free.filter(({ id }) => neighboursOf(id).some(isPlaced));
  const waiting = new Set(free);
  const children = new Map();
  let turns = 0;
  while (waiting.size) {
    const body = queue.shift() ?? waiting.values().next().value;
    if (!waiting.delete(body)) continue;
    const parent = neighboursOf(body.id).find(isPlaced);
    turns += 1;
    if (parent) {
      const count = children.get(parent) ?? 0;
      children.set(parent, count + 1);
      const isInMiddle = Math.hypot(parent.x - middle.x, parent.y - middle.y) < 1;
      const outwards = isInMiddle ? turns * GOLDEN_ANGLE : Math.atan2(parent.y - middle.y, parent.x - middle.x);
      const angle = outwards + (count % 2 ? 0.4 : -0.4) * Math.ceil(count / 2);
      body.x = parent.x + LINK_LENGTH * Math.cos(angle);
      body.y = parent.y + LINK_LENGTH * Math.sin(angle);
    } else {
      const distance = 12 * Math.sqrt(turns);
      body.x = middle.x + distance * Math.cos(turns * GOLDEN_ANGLE);
      body.y = middle.y + distance * Math.sin(turns * GOLDEN_ANGLE);
    }
    queue.push(...neighboursOf(body.id).filter((other) => waiting.has(other)));
  }
}

function meanOf(places) {
  const mean = (axis) => places.reduce((sum, each) => sum + each[axis], 0) / (places.length || 1);
  return { x: mean("x"), y: mean("y") };
}
