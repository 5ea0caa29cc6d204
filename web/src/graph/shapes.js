/** The looks of nodes and relations: what the drawing, its files and the legend have in common. */

import { isFailing, WORDS } from "./kinds.js";

export const FONT = '12px system-ui, "Segoe UI", Roboto, sans-serif';
const SIZES = { ACTOR: 26, CONTEXT: 24, CONNECTION: 17, SERVICE: 30, INSTALLATION: 30 };
const FAILING_SIZE = 22;
const MOST_GROWN = 26; // pixels that a service with many relations is larger
const LONGEST = 32; // characters of a label

/** The names of colours: colours.css has each, for light and dark, as a custom property. */
const COLOURS = ["actor", "context", "connection", "service", "installation", "failing", "suspended", "relation", "path", "label", "ground"];

export function coloursOf(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--graph-${name}`).trim()]));
}

/** How a node looks: its shape and size, and by status how it is filled and outlined. */
export function lookOf(node, relationCount) {
  const failing = isFailing(node);
  const grown = node.kind === "SERVICE" ? Math.min(MOST_GROWN, 4 * Math.log2(1 + relationCount)) : 0;
  return {
    shape: failing ? "octagon" : WORDS[node.kind].shape,
    size: failing ? FAILING_SIZE : Math.round(SIZES[node.kind] + grown),
    colour: failing ? "failing" : node.kind.toLowerCase(),
    isHollow: ["INACTIVE", "DISCONNECTED", "DELETED"].includes(node.status),
    isDashed: ["DISCONNECTED", "DELETED"].includes(node.status),
    isSuspended: node.status === "SUSPENDED",
  };
}

export const shortened = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

/** Corners of a shape within -1 and 1; null for those that are not polygons. */
export const CORNERS = {
  ellipse: null,
  "round-rectangle": [[-1, -1], [1, -1], [1, 1], [-1, 1]],
  triangle: [[0, -1], [1, 1], [-1, 1]],
  hexagon: [[-1, 0], [-0.5, -1], [0.5, -1], [1, 0], [0.5, 1], [-0.5, 1]],
  diamond: [[0, -1], [1, 0], [0, 1], [-1, 0]],
  octagon: [[-0.41, -1], [0.41, -1], [1, -0.41], [1, 0.41], [0.41, 1], [-0.41, 1], [-1, 0.41], [-1, -0.41]],
};
