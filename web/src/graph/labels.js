/** Which labels have room, the more important first. */

import { FONT, labelOf, lookOf } from "./shapes.js";

export const LINE = 14; // pixels
const GAP = 2;
const CELL = 80;
const RANKS = { SERVICE: 4, ACTOR: 3, INSTALLATION: 3, CONTEXT: 2, CONNECTION: 0 };
const MOST_LABELS = 220; // at once: more cannot be read, and take long to draw
const NEAR = 1.5; // the zoom from which connections have labels: more than of any picture that is fitted
const OVER_NODES = 2; // the rank from which labels may lie over nodes

const measuring = document.createElement("canvas").getContext("2d");
measuring.font = FONT;

/** The labels of these nodes, the most important first, each with its width in pixels; `pointed` is under the mouse. */
export function labelsOf({ nodes, relations, selected, path, affected, pointed = null }) {
  const isChosen = ({ id }) => id === selected || id === pointed;
  const isOnPath = ({ id, kind }) => kind !== "CONNECTION" && (path?.ids.includes(id) ?? false);
  const rank = (node) =>
    (isChosen(node) ? 100 : 0) +
    (isOnPath(node) ? 50 : 0) +
    (affected.has(node.id) ? 1 : 0) +
    RANKS[node.kind] +
    Math.min(relations.get(node.id).length, 50) / 100;
  return nodes
    .map((node) => {
      const text = labelOf(node);
      return {
        id: node.id,
        text,
        width: measuring.measureText(text).width,
        half: lookOf(node, relations.get(node.id).length).size / 2,
        isMinor: node.kind === "CONNECTION" && !isChosen(node),
        rank: rank(node),
      };
    })
    .toSorted((a, b) => b.rank - a.rank);
}

/**
 * Of these labels, those that have room between nodes and other labels: each with its width and the middle of its upper
 * edge, in pixels.
 *
 * `placeOf` gives the place of a node in these pixels, or null if it is outside; what is seen goes from 0 to `width`. A label is below its node or, if there is no
 * room, above it or beside it; an important one then lies over nodes.
 */
export function roomFor(labels, zoom, placeOf, width = Infinity) {
  const taken = new Boxes();
  const placed = [];
  for (const label of labels) {
    const place = placeOf(label.id);
    if (!place) continue;
    const half = label.half * zoom;
    placed.push({ label, place, half });
    taken.add({ left: place.x - half, right: place.x + half, top: place.y - half, bottom: place.y + half, isNode: true });
  }
  const isWhole = ({ left, right }) => width === Infinity || (left >= 0 && right <= width);
  const shown = [];
  for (const { label, place, half } of placed) {
    if (shown.length === MOST_LABELS) break;
    if (label.isMinor && zoom < NEAR) continue;
    const sides = sidesOf(label, place, half);
    const hasRoom = (each) => !taken.has(each) && isWhole(each);
    const box = sides.find(hasRoom) ?? (label.rank >= OVER_NODES ? sides.find((each) => !taken.has(each, true)) : null);
    if (!box) continue;
    taken.add(box);
    shown.push({ text: label.text, width: box.right - box.left, x: (box.left + box.right) / 2, y: box.top });
  }
  return shown;
}

/** Where a label may be, the best first. */
function sidesOf({ width }, { x, y }, half) {
  const at = (left, top) => ({ left, right: left + width + 2 * GAP, top, bottom: top + LINE, isNode: false });
  const centred = x - width / 2 - GAP;
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
