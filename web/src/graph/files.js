/** Files of the picture: SVG, and PNG made of it. */

import { described, isFailing } from "./kinds.js";
import { LINE, roomFor } from "./label-room.js";
import { labelsOf } from "./labels.js";
import { CORNERS, FONT, lookOf } from "./shapes.js";

const MARGIN = 50; // pixels around the nodes
const GAP = 8; // pixels beside a label, at least
const LARGEST = 8192; // pixels of a side of a PNG: browsers draw no larger ones

const escaped = (text) => text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`).replace(/[^\P{C}\n]/gu, "");

/** What is shown, as an SVG document with its size. */
export function svgOf(state, colours) {
  const { nodes, edges, places, shown, relations, affected, path } = state;
  const drawn = [...shown].filter((id) => places.has(id)).map((id) => nodes.get(id));
  const labels = roomFor(labelsOf({ ...state, nodes: drawn }), 1, (id) => places.get(id));
  const box = boxOf([...drawn.map(({ id }) => places.get(id)), ...labels.flatMap(endsOf)]);
  const pathEdges = new Set(path?.edges.map(({ id }) => id));
  const lines = [...edges.values()]
    .filter(({ from, to }) => shown.has(from) && shown.has(to) && places.has(from) && places.has(to))
    .map(({ id, from, to }) => {
      const isOnPath = pathEdges.has(id);
      const hasFailed = isFailing(nodes.get(from)) || isFailing(nodes.get(to));
      const colour = isOnPath ? colours.path : hasFailed ? colours.failing : colours.relation;
      const [a, b] = [places.get(from), places.get(to)];
      return `<line x1="${a.x}" y1="${a.y}" x2="${b.x}" y2="${b.y}" stroke="${colour}" stroke-width="${isOnPath ? 4 : 1.3}"/>`;
    });
  const shapes = drawn.map((node) => {
    const look = lookOf(node, relations.get(node.id).length);
    return `<g><title>${escaped(`${node.title}: ${described(node)}`)}</title>${shapeOf(look, places.get(node.id), colours, affected.has(node.id))}</g>`;
  });
  const texts = labels.map(({ text, x, y }) => `<text x="${x}" y="${y + LINE - 3}">${escaped(text)}</text>`);
  const text = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${box.width}" height="${box.height}" viewBox="${box.x} ${box.y} ${box.width} ${box.height}">`,
    `<title>${drawn.length} objects of ChittyGraph</title>`,
    `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" fill="${colours.ground}"/>`,
    ...lines,
    ...shapes,
    `<g style='font: ${FONT}' text-anchor="middle">`,
    // Their outlines first: programs that do not know paint-order would draw them over the letters.
    `<g aria-hidden="true" fill="none" stroke="${colours.ground}" stroke-width="3">`,
    ...texts,
    "</g>",
    `<g fill="${colours.label}">`,
    ...texts,
    "</g>",
    "</g>",
    "</svg>",
  ].join("\n");
  return { text, ...box };
}

function boxOf(places) {
  const [xs, ys] = ["x", "y"].map((axis) => places.map((place) => place[axis]));
  const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity) - MARGIN;
  const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity) + MARGIN;
  const round = Math.round;
  return { x: round(least(xs)), y: round(least(ys)), width: round(most(xs) - least(xs)), height: round(most(ys) - least(ys)) };
}

/** The left and the right end of a label: margins are around the objects, and a text may be longer. */
const endsOf = ({ x, y, width }) => [-1, 1].map((side) => ({ x: x + side * Math.max(0, width / 2 - MARGIN + GAP), y }));

/** The SVG element of a node. */
export function shapeOf({ shape, size, colour, isHollow, isDashed, isSuspended }, { x, y }, colours, isAffected) {
  const outline = isAffected ? colours.failing : isSuspended ? colours.suspended : colours[colour];
  const paint = [
    `fill="${isHollow ? colours.ground : colours[colour]}"`,
    `stroke="${outline}"`,
    `stroke-width="${isAffected ? 3.5 : isSuspended ? 5 : 2}"`,
    isDashed && 'stroke-dasharray="4 3"',
  ].filter(Boolean).join(" ");
  const half = size / 2;
  const corners = CORNERS[shape];
  if (!corners) return `<circle cx="${x}" cy="${y}" r="${half}" ${paint}/>`;
  const points = corners.map(([across, down]) => `${x + across * half},${y + down * half}`).join(" ");
  return `<polygon points="${points}" stroke-linejoin="round" ${paint}/>`;
}

/** The PNG of an SVG, two pixels for one unless it would be too large. */
export async function pngOf({ text, width, height }) {
  const scale = Math.min(2, LARGEST / width, LARGEST / height);
  const image = new Image(width * scale, height * scale);
  image.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: Math.round(width * scale), height: Math.round(height * scale) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
