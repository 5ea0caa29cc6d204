// Lists the connections that have failed and, with --reconnect, tries to make them active again.
import { client } from "./client.js";
import { graphql } from "./graphql.js";

const FAILED = graphql(`
  query Failed($after: String) {
    connections(
      first: 5
      after: $after
      filter: { status: { eq: FAILED } }
      orderBy: [{ field: ERROR_COUNT, direction: DESC }]
    ) {
      totalCount
      edges {
        cursor
        node {
          id
          targetService
          lastError
          status
          source {
            __typename
            ... on Node {
              id
            }
            ... on Context {
              name
            }
            ... on Actor {
              displayName
            }
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const RECONNECT = graphql(`
  mutation Reconnect($input: ConnectionRefInput!) {
    reconnect(input: $input) {
      connection {
        id
        status
        lastError
      }
      errors {
        code
        message
      }
    }
  }
`);

// The cache puts all pages into one list, so each has to be asked of the server, and its answer is the list.
let connections;
let after: string | null | undefined;
do {
  const fetchPolicy = "network-only";
  const { data } = await client.query({ query: FAILED, variables: { after }, fetchPolicy });
  connections = data?.connections;
  after = connections?.pageInfo.endCursor;
} while (connections?.pageInfo.hasNextPage);
const failed = (connections?.edges ?? []).map(({ node }) => {
  const { source, ...rest } = node;
  const opener = source.__typename === "Context" ? source.name : source.displayName;
  return { ...rest, title: `${opener} to ${rest.targetService}` };
});
console.log(`${failed.length} of ${connections?.totalCount} failed connections:`);
for (const { title, lastError } of failed) console.log(`  ${title}: ${lastError}`);

if (process.argv.includes("--reconnect")) {
  for (const { id, title } of failed) {
    const variables = { input: { connectionId: id } };
    const { data } = await client.mutate({ mutation: RECONNECT, variables });
    const errors = data?.reconnect.errors ?? [];
    const reasons = errors.map(({ code, message }) => `${message} (${code})`);
    if (errors.length) console.log(`  ${title} is refused: ${reasons.join("; ")}`);
  }
  // The cache knows each connection by its id, so the list shows what the mutations changed.
  const now = client.readQuery({ query: FAILED })?.connections?.edges ?? [];
  const active = now.filter(({ node }) => node.status === "ACTIVE");
  console.log(`${active.length} of them are active now.`);
}
