import { fetcherReturnToPromise } from "@graphiql/toolkit";

/**
 * A fetcher that fails with the server's message if the schema cannot be read.
 *
 * GraphiQL itself would send a second query, in vain, and show the whole response.
 */
export function withIntrospectionErrors(fetcher) {
  return (request, options) =>
    request.operationName === "IntrospectionQuery" ? read(fetcher(request, options)) : fetcher(request, options);
}

async function read(pending) {
  const response = await fetcherReturnToPromise(pending);
  if (!response.data) throw new Error(response.errors?.[0]?.message ?? "the schema cannot be read");
  return response;
}
