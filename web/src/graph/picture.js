/** What the picture holds, and what of it is shown. */

import { isFailing } from "./kinds.js";

export const MOST_HELD = 2000; // nodes

/** The relations between nodes, each once: all that they tell of, and that of a connection to its service. */
export function edgesOf(nodes) {
  const services = new Map();
  for (const node of nodes.values()) if (node.kind === "SERVICE") services.set(node.title, node.id);
  const edges = new Map();
  for (const node of nodes.values()) {
    const target = services.get(node.service);
    const all = target ? [...node.relations, { from: node.id, relation: "TARGETS", to: target }] : node.relations;
    for (const { from, relation, to } of all) {
      if (nodes.has(from) && nodes.has(to)) {
        const id = `${from} ${relation} ${to}`;
        edges.set(id, { id, from, relation, to });
      }
    }
  }
  return edges;
}

/** By node, its relations to others: the other's id, the relation, and whether it begins here. */
export function relationsOf(nodes, edges) {
  const relations = new Map([...nodes.keys()].map((id) => [id, []]));
  for (const { id, from, relation, to } of edges.values()) {
    relations.get(from).push({ edge: id, relation, other: to, isOutgoing: true });
    relations.get(to).push({ edge: id, relation, other: from, isOutgoing: false });
  }
  return relations;
}

/** The nodes that hang on a failing connection: whatever it relates to. */
export function affectedBy(nodes, relations) {
  const affected = new Set();
  for (const node of nodes.values()) {
    if (isFailing(node)) for (const { other } of relations.get(node.id)) affected.add(other);
  }
  return affected;
}

/**
 * The ids of nodes that filters leave: `kinds` and `statuses` that are shown, null for all, and `isFailingOnly`.
 *
 * A service has no status, so it is shown whatever statuses are.
 */
export function shownOf(nodes, affected, { kinds, statuses, isFailingOnly }) {
  const isShown = (node) =>
    (!kinds || kinds.includes(node.kind)) &&
    (!statuses || !node.status || statuses.includes(node.status)) &&
    (!isFailingOnly || isFailing(node) || affected.has(node.id));
  return new Set([...nodes.values()].filter(isShown).map(({ id }) => id));
}
