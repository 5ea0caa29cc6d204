/** Changes as they come, through the subscription that GraphiQL's page has, too. */

import { nodeOf } from "./kinds.js";
import { CHANGES } from "./queries.js";

const PAUSE = 250; // milliseconds in which changes are gathered

/**
 * Listen to changes until the function that this returns is called.
 *
 * `onRefusal` gets why the server tells none; `onChanges` gets what changed, by id, with the node as it is now or null;
 * `onGap` is called when more came at once than are kept.
 */
export function listen(client, { onRefusal, onChanges, onGap }) {
  let seen = 0;
  let gathered = new Map();
  let timer = null;

  function flush() {
    timer = null;
    const changes = [...gathered].map(([id, node]) => ({ id, node }));
    gathered = new Map();
    onChanges(changes);
  }

  const subscription = client.fetcher({ query: CHANGES, operationName: "GraphChanges" }).subscribe({
    next(received) {
      if (!Array.isArray(received.results)) return onRefusal(received.errors?.[0]?.message);
      const fresh = received.count - seen;
      seen = received.count;
      if (fresh > received.results.length) onGap();
      for (const { data } of received.results.slice(0, fresh).reverse()) {
        if (!data) continue;
        const { entityId, entity } = data.changes;
        gathered.delete(entityId); // so that the newest change is the last
        gathered.set(entityId, nodeOf(entity));
      }
      if (gathered.size) timer ??= setTimeout(flush, PAUSE);
    },
    error: (error) => onRefusal(error.message),
    complete() {},
  });
  return () => {
    clearTimeout(timer);
    subscription.unsubscribe();
  };
}
