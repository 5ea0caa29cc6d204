import { CORNERS, lookOf } from "./shapes.js";

/** How a node looks in the picture, small; decoration, as words beside it say the same. */
export function Swatch({ isAffected = false, node }) {
  const { shape, colour, isHollow, isDashed, isSuspended } = lookOf(node, 0);
  const corners = CORNERS[shape];
  const paint = {
    fill: `var(--graph-${isHollow ? "ground" : colour})`,
    stroke: `var(--graph-${isAffected ? "failing" : isSuspended ? "suspended" : colour})`,
    strokeDasharray: isDashed ? "3 2" : undefined,
    strokeWidth: isAffected ? 2.5 : isSuspended ? 3 : 1.5,
  };
  return (
    <svg aria-hidden="true" className="graph-swatch" height="16" viewBox="-8 -8 16 16" width="16">
      {corners ? (
        <polygon points={corners.map(([x, y]) => `${x * 6},${y * 6}`).join(" ")} strokeLinejoin="round" {...paint} />
      ) : (
        <circle r="6" {...paint} />
      )}
    </svg>
  );
}
