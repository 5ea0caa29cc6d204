import { cacheExchange } from "@urql/exchange-graphcache";
import type { CreateContextMutation, UpdateContextInput } from "./gql/graphql";

export const cache = cacheExchange({
  // Everything with an `id` is kept once, under it. These have none, and live in what they came with.
  keys: { ContextPayload: () => null, UserError: () => null },
  optimistic: {
    // The list shows the new name at once, and the old one again if the server refuses.
    updateContext({ input }: { input: UpdateContextInput }) {
      const context = { __typename: "Context", id: input.chittyId, name: input.name };
      return { __typename: "ContextPayload", errors: [], context };
    },
  },
  updates: {
    Mutation: {
      // A new context has a place in each list that the cache holds: ask for them again.
      createContext(result: CreateContextMutation, _args, store) {
        if (!result.createContext.context) return;
        for (const { fieldName, arguments: args } of store.inspectFields("Query")) {
          if (fieldName === "contexts") store.invalidate("Query", fieldName, args);
        }
      },
    },
  },
});
