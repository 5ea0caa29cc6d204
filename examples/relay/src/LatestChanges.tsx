import { useEffect, useState } from "react";
import { graphql, useLazyLoadQuery, useRelayEnvironment } from "react-relay";
import { requestSubscription } from "relay-runtime";
import type { LatestChangesQuery } from "./__generated__/LatestChangesQuery.graphql";
import type {
  LatestChangesSubscription,
  LatestChangesSubscription$data,
} from "./__generated__/LatestChangesSubscription.graphql";

const LATEST = graphql`
  query LatestChangesQuery {
    changes(last: 1) {
      pageInfo {
        endCursor
      }
    }
  }
`;

// The store knows each connection by its id, so its row shows the new status, whoever changed it.
const LIVE = graphql`
  subscription LatestChangesSubscription($after: String) {
    changes(after: $after, filter: { kinds: [CONNECTION] }) {
      id
      cursor
      operation
      cause
      entity {
        ... on Connection {
          targetService
          status
        }
      }
    }
  }
`;

type Change = LatestChangesSubscription$data["changes"];

/** What happens to connections from now on, whoever does it. */
export function LatestChanges() {
  const environment = useRelayEnvironment();
  const { changes } = useLazyLoadQuery<LatestChangesQuery>(LATEST, {}, { fetchPolicy: "network-only" });
  const after = changes?.pageInfo.endCursor;
  const [latest, setLatest] = useState<Change[]>([]);
  const [problem, setProblem] = useState<Error | null>(null);
  useEffect(() => {
    const subscription = requestSubscription<LatestChangesSubscription>(environment, {
      subscription: LIVE,
      variables: { after },
      onNext: (data) => data && setLatest((earlier) => [data.changes, ...earlier].slice(0, 5)),
      onError: setProblem,
    });
    return () => subscription.dispose();
  }, [environment, after]);
  return (
    <aside aria-labelledby="latest">
      <h2 id="latest">Latest changes</h2>
      {problem && <p role="alert">{problem.message}</p>}
      <ol aria-labelledby="latest">
        {latest.map(({ id, operation, cause, entity }) => (
          <li key={id}>
            {operation} <b>{entity?.targetService}</b> <small>{cause}</small>
          </li>
        ))}
      </ol>
    </aside>
  );
}
