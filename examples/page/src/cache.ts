import { type Cache, cacheExchange } from "@urql/exchange-graphcache";
import type { CreateContextMutation, LiveChangesSubscription, UpdateContextInput } from "./gql/graphql";

/** Ask again for each list of contexts that the cache holds. */
function refreshContexts(store: Cache) {
  for (const { fieldName, arguments: args } of store.inspectFields("Query")) {
    if (fieldName === "contexts") store.invalidate("Query", fieldName, args);
  }
}

export const cache = cacheExchange({
  // Everything with an `id` is kept once, under it. These have none, and live in what they came with.
  keys: { ContextPayload: () => null, UserError: () => null },
  // Or it could only guess which fragments on an interface or a union an object matches.
  possibleTypes: {
    ConnectionSource: ["Actor", "Context"],
    Node: ["Actor", "Change", "Connection", "Context", "Installation", "Service"],
  },
  optimistic: {
    // The list shows the new name at once, and the old one again if the server refuses.
    updateContext({ input }: { input: UpdateContextInput }) {
      const context = { __typename: "Context", id: input.chittyId, name: input.name };
      return { __typename: "ContextPayload", errors: [], context };
    },
  },
  updates: {
    Mutation: {
      // A new context has a place in each list.
      createContext(result: CreateContextMutation, _args, store) {
        if (result.createContext.context) refreshContexts(store);
      },
    },
    Subscription: {
      // What others changed is new in the cache by itself; what they created or deleted has or had a place in lists.
      changes({ changes }: LiveChangesSubscription, _args, store) {
        const { kind, operation } = changes;
        if (kind === "CONTEXT" && operation !== "UPDATED") refreshContexts(store);
      },
    },
  },
});
