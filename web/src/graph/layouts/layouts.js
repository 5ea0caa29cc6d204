/**
 * Where nodes lie. Nodes that have a place keep it; others get one beside what they are related to.
 *
 * A layout gets `nodes` (id, kind and, if it is placed, x and y), `free` (those without a place), `edges` (two ids each) and
 * the id of the `center`, and gives the places of nodes that had none: by id, x and y in pixels. It is the same for the same input.
 */

import { inColumns } from "./columns.js";
import { byForces } from "./forces.js";
import { onRings } from "./rings.js";

const LAYOUTS = { force: byForces, columns: inColumns, rings: onRings };

export function placesOf({ layout, nodes, ...rest }) {
  const free = nodes.filter(({ x }) => x === undefined);
  return free.length ? LAYOUTS[layout]({ nodes, free, ...rest }) : {};
}
