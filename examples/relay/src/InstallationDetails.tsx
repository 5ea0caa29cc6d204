import { graphql, useLazyLoadQuery, usePaginationFragment } from "react-relay";
import { ConnectionRow } from "./ConnectionRow";
import type { InstallationDetails_installation$key } from "./__generated__/InstallationDetails_installation.graphql";
import type { InstallationDetailsPageQuery } from "./__generated__/InstallationDetailsPageQuery.graphql";
import type { InstallationDetailsQuery } from "./__generated__/InstallationDetailsQuery.graphql";

const QUERY = graphql`
  query InstallationDetailsQuery($id: ID!) {
    node(id: $id) {
      ...InstallationDetails_installation @alias(as: "installation")
    }
  }
`;

// Relay writes the query of the next page: node(id:) with this fragment.
const FRAGMENT = graphql`
  fragment InstallationDetails_installation on Installation
  @argumentDefinitions(count: { type: "Int", defaultValue: 5 }, cursor: { type: "String" })
  @refetchable(queryName: "InstallationDetailsPageQuery") {
    accountLogin
    connections(
      first: $count
      after: $cursor
      filter: { status: { in: [ACTIVE, INACTIVE, FAILED, DISCONNECTED] } }
    ) @connection(key: "InstallationDetails_connections", filters: []) {
      edges {
        node {
          id
          ...ConnectionRow_connection
        }
      }
    }
  }
`;

export function InstallationDetails({ id }: { id: string }) {
  const { node } = useLazyLoadQuery<InstallationDetailsQuery>(QUERY, { id });
  const { data, hasNext, isLoadingNext, loadNext } = usePaginationFragment<
    InstallationDetailsPageQuery,
    InstallationDetails_installation$key
  >(FRAGMENT, node?.installation);
  if (!data) return <p>There is no such installation.</p>;
  return (
    <>
      <h2>Connections of {data.accountLogin}</h2>
      <ul>
        {data.connections.edges.map(({ node: connection }) => (
          <ConnectionRow key={connection.id} connection={connection} />
        ))}
      </ul>
      {hasNext && (
        <button type="button" disabled={isLoadingNext} onClick={() => loadNext(5)}>
          More connections
        </button>
      )}
    </>
  );
}
