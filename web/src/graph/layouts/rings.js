/** A layout on rings around the center: each as many steps from it as the ring's number. */

import { neighboursOf, Places, rounded } from "./places.js";

const RING_WIDTH = 130; // pixels
const SPACE = 48; // pixels between nodes on a ring

/** Steps from the center to each node that is reached. */
function distancesFrom(center, neighbours) {
  const distances = new Map([[center, 0]]);
  for (const id of distances.keys()) {
    for (const other of neighbours.get(id)) if (!distances.has(other)) distances.set(other, distances.get(id) + 1);
  }
  return distances;
}

export function onRings({ nodes, free, edges, center }) {
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
