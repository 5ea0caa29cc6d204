/** Which labels have room between nodes and other labels. */

export const LINE = 14; // pixels
const GAP = 2;
const CELL = 80;
const MOST_LABELS = 220; // at once: more cannot be read, and take long to draw

/**
 * Of these labels, those that have room between nodes and other labels: each with its width and the middle of its upper
 * edge, in pixels.
 *
 * `placeOf` gives the place of a node in these pixels, or null if it is outside; what is seen goes from 0 to `width` and `height`.
 * A label is below its node or, if there is no room, above it or beside it; an important one then lies over nodes.
 */
export function roomFor(labels, zoom, placeOf, { width, height } = { width: Infinity, height: Infinity }) {
  const taken = new Boxes();
  const placed = [];
  for (const label of labels) {
    const place = placeOf(label.id);
    if (!place) continue;
    const half = label.half * zoom;
    placed.push({ label, place, half });
    taken.add({ left: place.x - half, right: place.x + half, top: place.y - half, bottom: place.y + half, isNode: true });
  }
  const isBounded = width !== Infinity;
  const isWhole = ({ left, right, top, bottom }) => !isBounded || (left >= 0 && right <= width && top >= 0 && bottom <= height);
  const shown = [];
  for (const { label, place, half } of placed) {
    if (shown.length === MOST_LABELS) break;
    if (zoom < label.from) continue;
    const seen = isBounded && place.x >= 0 && place.x <= width ? width : null;
    const sides = sidesOf(label, place, half, seen).filter(isWhole);
    const box = sides.find((each) => !taken.has(each)) ?? (label.isOverNodes ? sides.find((each) => !taken.has(each, true)) : null);
    if (!box) continue;
    taken.add(box);
    shown.push({ text: label.text, width: box.right - box.left, x: (box.left + box.right) / 2, y: box.top });
  }
  return shown;
}

/** Where a label may be, the best first; below and above its node it goes aside where the edge at 0 or `seen` would cut it. */
function sidesOf({ width }, { x, y }, half, seen) {
  const at = (left, top) => ({ left, right: left + width + 2 * GAP, top, bottom: top + LINE, isNode: false });
  const middle = x - width / 2 - GAP;
  const centred = seen === null ? middle : Math.max(0, Math.min(middle, seen - width - 2 * GAP));
  return [
    at(centred, y + half + GAP),
    at(centred, y - half - GAP - LINE),
    at(x + half + GAP, y - LINE / 2),
    at(x - half - 3 * GAP - width, y - LINE / 2),
  ];
}

/** Boxes that are taken, in cells, so that only near ones are compared. */
class Boxes {
  #cells = new Map();

  add(box) {
    for (const cell of cellsOf(box)) {
      if (this.#cells.has(cell)) this.#cells.get(cell).push(box);
      else this.#cells.set(cell, [box]);
    }
  }

  /** Whether another box overlaps this one; nodes may be left out. */
  has(box, isOverNodes) {
    return cellsOf(box).some((cell) =>
      this.#cells.get(cell)?.some((other) => !(isOverNodes && other.isNode) && overlap(box, other)),
    );
  }
}

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

function cellsOf({ left, right, top, bottom }) {
  const cells = [];
  for (let across = Math.floor(left / CELL); across <= Math.floor(right / CELL); across++) {
    for (let down = Math.floor(top / CELL); down <= Math.floor(bottom / CELL); down++) cells.push(across * 100_003 + down);
  }
  return cells;
}
