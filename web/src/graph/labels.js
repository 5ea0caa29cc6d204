/** Which labels have room, the more important first. */

import { isFailing } from "./kinds.js";
import { FONT, labelOf, lookOf } from "./shapes.js";

export const LINE = 14; // pixels
const GAP = 2;
const CELL = 80;
const RANKS = { SERVICE: 4, ACTOR: 3, INSTALLATION: 3, CONTEXT: 2, CONNECTION: 0 };
const MOST_LABELS = 220; // at once: more cannot be read, and take long to draw
const NEAR = 0.85; // the zoom from which connections have labels

const measuring = document.createElement("canvas").getContext("2d");
measuring.font = FONT;

/** The labels of these nodes, the most important first, each with its width in pixels. */
export function labelsOf({ nodes, relations, selected, path, affected }) {
  const rank = (node) =>
    (node.id === selected ? 100 : 0) +
    (path?.ids.includes(node.id) ? 50 : 0) +
    (affected.has(node.id) ? 1 : 0) +
    (isFailing(node) ? 1.5 : 0) +
    RANKS[node.kind] +
    Math.min(relations.get(node.id).length, 50) / 100;
  return nodes
    .map((node) => {
      const text = labelOf(node);
      const { size } = lookOf(node, relations.get(node.id).length);
      return { id: node.id, text, width: measuring.measureText(text).width, below: size / 2, rank: rank(node) };
    })
    .filter(({ text }) => text)
    .toSorted((a, b) => b.rank - a.rank);
}

/**
 * Of these labels, those that have room: each with the middle of its upper edge, in pixels of the picture.
 *
 * `placeOf` gives the place of a node in these pixels, or null if it is outside.
 */
export function roomFor(labels, zoom, placeOf) {
  const cells = new Map();
  const shown = [];
  for (const label of labels) {
    if (shown.length === MOST_LABELS) break;
    if (label.rank < 1 && zoom < NEAR) continue;
    const place = placeOf(label.id);
    if (!place) continue;
    const y = place.y + label.below * zoom + GAP;
    const box = { left: place.x - label.width / 2 - GAP, right: place.x + label.width / 2 + GAP, top: y, bottom: y + LINE };
    const touched = cellsOf(box);
    const isTaken = touched.some((cell) => cells.get(cell)?.some((other) => overlap(box, other)));
    if (isTaken) continue;
    for (const cell of touched) cells.has(cell) ? cells.get(cell).push(box) : cells.set(cell, [box]);
    shown.push({ ...label, x: place.x, y });
  }
  return shown;
}

const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

function cellsOf({ left, right, top, bottom }) {
  const cells = [];
  for (let across = Math.floor(left / CELL); across <= Math.floor(right / CELL); across++) {
    for (let down = Math.floor(top / CELL); down <= Math.floor(bottom / CELL); down++) cells.push(across * 100_003 + down);
  }
  return cells;
}
