/** What links carry of a state, and what is said of a link that cannot be shown whole. */

import { number } from "./counts.js";
import { LONGEST, movedTo, MOST_MOVED } from "./links.js";

export const USUAL_AROUND = 100; // objects around one
export const USUAL_DEPTH = 2; // of a new picture: one step around a service are its connections only, and not from where

/** The view of a snapshot as links carry it; `at` is what of the picture is in the middle. */
export function viewFrom(state, at = []) {
  const { start, depth, around, moved, named, without, path, selected, filters, layout } = state;
  const most = Math.max(USUAL_AROUND, ...[...around.values()].map((each) => each.most));
  return {
    start: start ? [start] : [],
    depth: start && depth > 1 ? [String(depth)] : [],
    nodes: [...named],
    expand: [...around.keys()].filter((id) => id !== start),
    most: most > USUAL_AROUND ? [String(most)] : [],
    without: [...without],
    moved: [...moved].slice(-MOST_MOVED).map(([id, place]) => movedTo(id, place)),
    path: path ? [path.ids[0], path.ids.at(-1)] : [],
    select: selected ? [selected] : [],
    kinds: filters.kinds ?? [],
    statuses: filters.statuses ?? [],
    only: filters.isFailingOnly ? ["failing"] : [],
    layout: layout === "force" ? [] : [layout],
    at,
  };
}

/** What is said of a link: how many of its objects are `missing`, and what viewOf of links.js says of it; empty if all is well. */
export function toldOf({ missing, ignored = [], isTooLong = false }) {
  const parts = [
    missing === 1 && "1 object of the link does not exist, or you may not see it",
    missing > 1 && `${number.format(missing)} objects of the link do not exist, or you may not see them`,
    isTooLong && `The link is longer than ${number.format(LONGEST)} characters: what lies beyond is left out`,
    ignored.length && `Parts of the link that are unknown or wrong: ${ignored.join(", ").slice(0, 100)}`,
  ];
  return parts.filter(Boolean).join(". ");
}
