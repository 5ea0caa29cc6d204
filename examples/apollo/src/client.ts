import { createHash } from "node:crypto";
import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { relayStylePagination } from "@apollo/client/utilities";

const key = process.env.API_KEY; // in protected mode

// Automatic persisted queries: a document's text is sent once, and its hash from then on.
const persisted = new PersistedQueryLink({
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
});
const http = new HttpLink({
  uri: process.env.API_URL ?? "http://127.0.0.1:8000/graphql",
  headers: key ? { authorization: `Bearer ${key}` } : {},
});

export const client = new ApolloClient({
  link: persisted.concat(http),
  cache: new InMemoryCache({
    possibleTypes: {
      Node: ["Actor", "Change", "Connection", "Context", "Installation", "Service"],
      ConnectionSource: ["Actor", "Context"],
    },
    typePolicies: {
      // Pages of one list are kept as one list, whatever `first` and `after` are.
      Query: { fields: { connections: relayStylePagination(["filter", "orderBy"]) } },
    },
  }),
});
