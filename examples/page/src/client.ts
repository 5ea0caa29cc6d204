import { Client, fetchExchange, makeOperation, mapExchange } from "urql";
import { cache } from "./cache";

/** Sends a document's hash instead of its text; codegen writes the texts for the server. */
const nameDocuments = mapExchange({
  onOperation(operation) {
    const { __meta__: meta } = operation.query as { __meta__?: { hash: string } };
    if (!meta) return operation;
    const query = { ...operation.query, documentId: meta.hash, definitions: [] };
    return { ...makeOperation(operation.kind, operation), query };
  },
});

export const client = new Client({
  url: "/graphql",
  exchanges: [cache, ...(import.meta.env.PROD ? [nameDocuments] : []), fetchExchange],
  preferGetMethod: false,
  fetchOptions() {
    // In protected mode: a token of the person's, which a sign-in page has put here.
    const token = sessionStorage.getItem("token");
    return token ? { headers: { authorization: `Bearer ${token}` } } : {};
  },
});
