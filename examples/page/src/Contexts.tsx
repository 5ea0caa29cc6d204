import { useState } from "react";
import { useQuery } from "urql";
import { ContextRow } from "./ContextRow";
import { Failure } from "./Failure";
import { graphql } from "./gql";

const CONTEXTS = graphql(`
  query Contexts($filter: ContextFilter, $after: String) {
    contexts(first: 10, after: $after, filter: $filter, orderBy: [{ field: NAME }]) {
      totalCount
      nodes {
        id
        ...ContextRow
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** A list that grows. Each page is a query of its own, so the cache can refresh each by itself. */
export function Contexts({ search }: { search: string }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  return (
    <table>
      <thead>
        <tr>
          <th>Name</th>
          <th>Owner</th>
          <th>Connections</th>
          <th>Updated</th>
          <th aria-label="Rename" />
        </tr>
      </thead>
      {cursors.map((after, place) => (
        <Page
          key={after}
          search={search}
          after={after}
          onMore={place === cursors.length - 1 ? (next) => setCursors([...cursors, next]) : undefined}
        />
      ))}
    </table>
  );
}

type PageProps = { search: string; after: string | null; onMore?: (cursor: string) => void };

function Page({ search, after, onMore }: PageProps) {
  const filter = search ? { name: { contains: search } } : null;
  const [{ data, error, fetching }] = useQuery({ query: CONTEXTS, variables: { filter, after } });
  const page = data?.contexts;
  const { hasNextPage, endCursor } = page?.pageInfo ?? {};
  return (
    <tbody>
      {error && (
        <tr>
          <td colSpan={5}>
            <Failure error={error} />
          </td>
        </tr>
      )}
      {page?.nodes.map((node) => <ContextRow key={node.id} context={node} />)}
      {page && onMore && (
        <tr className="more">
          <td colSpan={5}>
            {page.totalCount} in all
            {hasNextPage && endCursor && (
              <button type="button" onClick={() => onMore(endCursor)}>
                Load more
              </button>
            )}
          </td>
        </tr>
      )}
      {fetching && !page && (
        <tr>
          <td colSpan={5}>Loading …</td>
        </tr>
      )}
    </tbody>
  );
}
