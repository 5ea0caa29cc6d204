import { createClient, type RequestParams } from "graphql-sse";
import { Client, fetchExchange, makeOperation, mapExchange, type Operation, subscriptionExchange } from "urql";
import { cache } from "./cache";
import { resuming } from "./resuming";

/** In production: the hash of a document, of which codegen has written the text for the server. */
function hashOf({ query }: Operation): string | undefined {
  const { __meta__: meta } = query as { __meta__?: { hash: string } };
  return import.meta.env.PROD ? meta?.hash : undefined;
}

/** Sends hashes instead of texts. The cache needs the text of a subscription, whose hash is put in below. */
const nameDocuments = mapExchange({
  onOperation(operation) {
    const documentId = hashOf(operation);
    if (!documentId || operation.kind === "subscription") return operation;
    const query = { ...operation.query, documentId, definitions: [] };
    return { ...makeOperation(operation.kind, operation), query };
  },
});

/** In protected mode: a token of the person's, which a sign-in page has put here. */
function credential(): Record<string, string> {
  const token = sessionStorage.getItem("token");
  return token ? { authorization: `Bearer ${token}` } : {};
}

// It reads event streams with fetch, which sends the credential, as an EventSource does not.
const streams = resuming(createClient({ url: "/graphql", headers: credential, retryAttempts: 10 }));

const subscriptions = subscriptionExchange({
  forwardSubscription({ query, ...request }, operation) {
    const documentId = hashOf(operation);
    const body = { ...request, ...(documentId ? { documentId } : { query }) } as RequestParams;
    return { subscribe: (sink) => ({ unsubscribe: streams.subscribe(body, sink) }) };
  },
});

export const client = new Client({
  url: "/graphql",
  exchanges: [cache, nameDocuments, subscriptions, fetchExchange],
  preferGetMethod: false,
  fetchOptions: () => ({ headers: credential() }),
});
