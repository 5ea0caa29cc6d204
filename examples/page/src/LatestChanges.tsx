import { useQuery, useSubscription } from "urql";
import { Failure } from "./Failure";
import { graphql, readFragment } from "./gql";
import type { ChangeLineFragment, LiveChangesSubscription } from "./gql/graphql";

const LINE = graphql(`
  fragment ChangeLine on Change {
    id
    operation
    cause
    entity {
      id
      ... on Actor {
        displayName
      }
      ... on Context {
        name
        updatedAt
      }
      ... on Connection {
        targetService
      }
      ... on Installation {
        accountLogin
      }
    }
  }
`);

const LATEST = graphql(`
  query LatestChanges {
    changes(last: 5) {
      nodes {
        id
        ...ChangeLine
      }
      pageInfo {
        endCursor
      }
    }
  }
`);

const LIVE = graphql(`
  subscription LiveChanges($after: String) {
    changes(after: $after) {
      id
      cursor
      kind
      operation
      ...ChangeLine
    }
  }
`);

type Live = LiveChangesSubscription["changes"];

/** The latest changes, whoever made them. The subscription begins where the query ends, so none is missed. */
export function LatestChanges() {
  const [{ data, error }] = useQuery({ query: LATEST });
  const after = data?.changes?.pageInfo.endCursor;
  const [live] = useSubscription(
    { query: LIVE, variables: { after }, pause: !data },
    // Called again with the last change when the subscription ends.
    (earlier: Live[] = [], { changes }) =>
      changes.id === earlier[0]?.id ? earlier : [changes, ...earlier].slice(0, 5),
  );
  const lines = [...(live.data ?? []), ...([...(data?.changes?.nodes ?? [])].reverse())].slice(0, 5);
  const failure = live.error ?? error;
  return (
    <section aria-labelledby="latest" className="latest">
      <h2 id="latest">Latest changes</h2>
      {failure && <Failure error={failure} />}
      <ol aria-labelledby="latest">
        {readFragment(LINE, lines).map(({ id, operation, cause, entity }) => (
          <li key={id}>
            {operation} <b>{entity ? title(entity) : "what is gone"}</b> <small>{cause}</small>
          </li>
        ))}
      </ol>
    </section>
  );
}

function title(entity: NonNullable<ChangeLineFragment["entity"]>) {
  switch (entity.__typename) {
    case "Actor":
      return entity.displayName;
    case "Context":
      return entity.name;
    case "Connection":
      return entity.targetService;
    case "Installation":
      return entity.accountLogin;
  }
}
