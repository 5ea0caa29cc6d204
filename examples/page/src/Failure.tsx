import type { CombinedError } from "urql";

/** A request that failed. Tell errors apart by their code: messages may change. */
export function Failure({ error }: { error: CombinedError }) {
  const code = error.graphQLErrors[0]?.extensions.code;
  if (code === "UNAUTHENTICATED") return <p role="alert">Please sign in.</p>;
  return <p role="alert">{error.message}</p>;
}
