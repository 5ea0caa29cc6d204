/** What the labels of nodes say, the more important first. */

import { FONT, lookOf, shortened } from "./shapes.js";

const RANKS = { SERVICE: 4, ACTOR: 3, INSTALLATION: 3, CONTEXT: 2, CONNECTION: 0 };
const NEAR = 1.5; // the zoom from which all connections have labels: more than of any picture that is fitted
const MIDDLE = 0.5; // the zoom from which those do that say what the picture does not show
const OVER_NODES = 3; // the rank from which labels may lie over nodes

const measuring = document.createElement("canvas").getContext("2d");
measuring.font = FONT;

/** The labels of these nodes, the most important first, each with its width in pixels; `pointed` is under the mouse. */
export function labelsOf({ nodes, relations, shown, selected, path, affected, pointed = null }) {
  const isChosen = ({ id }) => id === selected || id === pointed;
  const isOnPath = ({ id, kind }) => kind !== "CONNECTION" && (path?.ids.includes(id) ?? false);
  const importance = (node) => (isChosen(node) ? 100 : 0) + (isOnPath(node) ? 50 : 0) + RANKS[node.kind];
  return nodes
    .map((node) => {
      const related = relations.get(node.id);
      const isMinor = node.kind === "CONNECTION" && !isChosen(node);
      const end = isMinor ? hiddenEnd(node, related, shown) : null;
      const text = shortened(end ?? node.title);
      return {
        id: node.id,
        text,
        width: measuring.measureText(text).width,
        half: lookOf(node, related.length).size / 2,
        from: isMinor ? (end ? MIDDLE : NEAR) : 0, // zoom
        isOverNodes: importance(node) >= OVER_NODES,
        rank: importance(node) + (affected.has(node.id) ? 1 : 0) + Math.min(related.length, 50) / 100,
      };
    })
    .toSorted((a, b) => b.rank - a.rank);
}

/** The end of a connection that is not shown: its source or, with an arrow, its service; null if both are. */
function hiddenEnd({ service, source }, related, shown) {
  const has = (name) => related.some(({ relation, other }) => relation === name && shown.has(other));
  if (!has("OPENS")) return source;
  return has("TARGETS") ? null : `→ ${service}`;
}
