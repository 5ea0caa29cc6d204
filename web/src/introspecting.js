import { fetcherReturnToPromise } from "@graphiql/toolkit";

/**
 * A fetcher that says in a sentence why the schema cannot be read.
 *
 * GraphiQL would ask once more, in vain, and show the whole answer.
 */
export function sayingWhy(fetcher) {
  return (asked, options) =>
    asked.operationName === "IntrospectionQuery" ? read(fetcher(asked, options)) : fetcher(asked, options);
}

async function read(answering) {
  const answer = await fetcherReturnToPromise(answering);
  if (!answer.data) throw new Error(answer.errors?.[0]?.message ?? "the schema cannot be read");
  return answer;
}
