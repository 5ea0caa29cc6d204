/** Which labels have room, the more important first. */

import { isFailing } from "./kinds.js";
import { FONT, labelOf, lookOf } from "./shapes.js";

export const LINE = 14; // pixels
const GAP = 2;
const CELL = 80;
const RANKS = { SERVICE: 4, ACTOR: 3, INSTALLATION: 3, CONTEXT: 2, CONNECTION: 0 };
const MOST_LABELS = 220; // at once: more cannot be read, and take long to draw
const NEAR = 0.85; // the zoom from which connections have labels
const OVER_NODES = 3; // the rank from which labels may lie over nodes

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
      const isMinor = node.kind === "CONNECTION" && node.id !== selected && !path?.ids.includes(node.id);
      return { id: node.id, text, width: measuring.measureText(text).width, half: size / 2, isMinor, rank: rank(node) };
    })
    .toSorted((a, b) => b.rank - a.rank);
}

/**
 * Of these labels, those that have room between nodes and other labels: each with the middle of its upper edge, in pixels.
 *
 * `placeOf` gives the place of a node in these pixels, or null if it is outside. Important labels may lie over nodes.
 */
export function roomFor(labels, zoom, placeOf) {
  const taken = new Boxes();
  const placed = [];
  for (const label of labels) {
    const place = placeOf(label.id);
    if (!place) continue;
    const half = label.half * zoom;
    placed.push({ label, x: place.x, y: place.y + half + GAP });
    taken.add({ left: place.x - half, right: place.x + half, top: place.y - half, bottom: place.y + half, isNode: true });
  }
  const shown = [];
  for (const { label, x, y } of placed) {
    if (shown.length === MOST_LABELS) break;
    if (!label.text || (label.isMinor && zoom < NEAR)) continue;
    const box = { left: x - label.width / 2 - GAP, right: x + label.width / 2 + GAP, top: y, bottom: y + LINE, isNode: false };
    if (taken.has(box, label.rank >= OVER_NODES)) continue;
    taken.add(box);
    shown.push({ text: label.text, x, y });
  }
  return shown;
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
