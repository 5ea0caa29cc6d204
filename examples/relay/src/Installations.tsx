import { graphql, usePaginationFragment } from "react-relay";
import type { Installations_query$key } from "./__generated__/Installations_query.graphql";
import type { InstallationsPageQuery } from "./__generated__/InstallationsPageQuery.graphql";

const FRAGMENT = graphql`
  fragment Installations_query on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 8 }, cursor: { type: "String" })
  @refetchable(queryName: "InstallationsPageQuery")
  @throwOnFieldError {
    installations(first: $count, after: $cursor, orderBy: [{ field: ACCOUNT_LOGIN }])
      @connection(key: "Installations_installations") {
      edges {
        node {
          id
          accountLogin
          suspendedAt
        }
      }
    }
  }
`;

type Props = {
  query: Installations_query$key;
  selected: string | null;
  onSelect: (id: string) => void;
};

export function Installations({ query, selected, onSelect }: Props) {
  const { data, hasNext, isLoadingNext, loadNext } = usePaginationFragment<
    InstallationsPageQuery,
    Installations_query$key
  >(FRAGMENT, query);
  return (
    <nav aria-label="Installations">
      <h1>Installations</h1>
      {data.installations.edges.map(({ node }) => (
        <button
          key={node.id}
          type="button"
          aria-pressed={node.id === selected}
          onClick={() => onSelect(node.id)}
        >
          {node.accountLogin}
          {node.suspendedAt && <small> suspended</small>}
        </button>
      ))}
      {hasNext && (
        <button type="button" className="more" disabled={isLoadingNext} onClick={() => loadNext(8)}>
          More installations
        </button>
      )}
    </nav>
  );
}
