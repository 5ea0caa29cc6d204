/** Reads of the API for the picture. */

import { nodeOf } from "./kinds.js";
import * as queries from "./queries.js";

const BATCH = 100; // objects by id of one request; servers may take fewer
const KEYED = 20; // objects by key of one request, each of which is a field: documents may only be so long
const TOO_MANY = ["BAD_PAGE", "TOO_LARGE"]; // of requests that smaller ones may follow
const FAR = 20; // relations of the longest path that is looked for

/** Why the API gave no data: its message and code. */
export class Refusal extends Error {
  constructor({ message, extensions }) {
    super(message);
    this.code = extensions?.code;
  }
}

/** What the page reads through a client; each function throws a Refusal, or an Error if the server cannot be reached. */
export function createLoader(client) {
  async function ask(query, variables = {}) {
    const { data, errors } = await client.fetcher({ query, variables });
    if (errors?.length) throw new Refusal(errors[0]);
    return data;
  }

  /** In batches of `most`, or as large as the server takes them: what each gives, in order. */
  async function inBatches(items, most, read) {
    const results = [];
    for (let size = most, at = 0; at < items.length; ) {
      try {
        results.push(...(await read(items.slice(at, at + size))));
        at += size;
      } catch (error) {
        if (!TOO_MANY.includes(error.code) || size === 1) throw error;
        size = Math.ceil(size / 2);
      }
    }
    return results;
  }

  /** What is read of so many, or of as many as servers take that take fewer. */
  async function asMany(most, read) {
    try {
      return await read(most);
    } catch (error) {
      if (!TOO_MANY.includes(error.code)) throw error;
      return read(undefined);
    }
  }

  const drawn = (answers) => answers.map(nodeOf).filter(Boolean);

  return {
    ask,

    /** Where a picture may begin: lists with their totals; of services those with most connections, the most first. */
    async start() {
      const { connections, services, ...lists } = await asMany(BATCH, (failing) => ask(queries.START, { failing }));
      const names = connections.groups.map(({ targetService }) => targetService);
      const found = names.length ? drawn((await ask(queries.SERVICES, { names })).services.nodes) : [];
      const sorted = found.toSorted((a, b) => names.indexOf(a.title) - names.indexOf(b.title));
      const read = Object.entries(lists).map(([name, list]) => [name, { ...list, nodes: drawn(list.nodes) }]);
      return { ...Object.fromEntries(read), services: { ...services, nodes: sorted } };
    },

    /** The nodes within some steps of one, and whether there are more; null if the viewer sees no such object. */
    async around(of, depth, most) {
      const { neighborhood } = await ask(queries.AROUND, { of, depth, most });
      return neighborhood && { nodes: drawn(neighborhood.nodes), isTruncated: neighborhood.truncated };
    },

    /** The nodes with these ids, without those that the viewer does not see. */
    async nodes(ids) {
      return drawn(await inBatches(ids, BATCH, async (batch) => (await ask(queries.NODES, { ids: batch })).nodes));
    },

    /** By name in a link, the node that it names; without those that the viewer does not see. */
    async named(names) {
      const keyed = names.filter(queries.keyOf);
      const byId = names.filter((name) => !queries.keyOf(name));
      const found = new Map((await this.nodes(byId)).map((node) => [node.id, node]));
      const nodes = await inBatches(keyed, KEYED, async (batch) => {
        const { query, variables } = queries.lookup(batch.map(queries.keyOf));
        return Object.values(await ask(query, variables)).map((it) => nodeOf(it?.nodes ? it.nodes[0] : it));
      });
      nodes.forEach((node, index) => node && found.set(keyed[index], node));
      return found;
    },

    /** The relations of a shortest path, or null. */
    async path(from, to) {
      return (await ask(queries.PATH, { from, to, most: FAR })).shortestPath;
    },

    /** What a text finds: the total, and for each the node, its field and the marked text. */
    async search(text) {
      const { totalCount, edges } = (await ask(queries.SEARCH, { text })).search;
      const found = edges.map(({ node, ...told }) => ({ node: nodeOf(node), ...told })).filter(({ node }) => node);
      return { totalCount, found };
    },

    details: async (node) => (await ask(queries.DETAILS[node.kind], { id: node.id })).node,
  };
}
