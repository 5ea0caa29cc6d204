/** What layouts share: which nodes are neighbours, and which places are taken. */

const CELL = 40; // pixels: how near nodes may come

/** By node, the ids of its neighbours. */
export function neighboursOf(nodes, edges) {
  const neighbours = new Map(nodes.map(({ id }) => [id, []]));
  for (const [from, to] of edges) {
    neighbours.get(from).push(to);
    neighbours.get(to).push(from);
  }
  return neighbours;
}

export const rounded = ({ x, y }) => ({ x: Math.round(x), y: Math.round(y) });

/** Which places are taken, so that no two nodes lie on each other. */
export class Places {
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

/** The place nearest to the wanted value that is free, going out from it by steps to both sides. */
export function firstFree(places, wanted, placeAt, step) {
  for (let offset = 0; ; offset++) {
    for (const side of offset ? [1, -1] : [0]) {
      const place = rounded(placeAt(wanted + side * offset * step));
      if (places.isFree(place)) return place;
    }
  }
}
