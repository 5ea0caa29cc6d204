// How the clients that people use listen to changes, in Node and in pages: each calls `tell` with what it is told, and
// comes back by itself, after its last change, when its connection is lost.
import { ApolloClient, gql, InMemoryCache } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, subscriptionExchange } from "@urql/core";
import { createClient as createSse } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";

const QUERY = `subscription Live($after: String, $filter: ChangeFilter) {
  changes(after: $after, filter: $filter) { cursor operation entity { id ... on Context { name } } }
}`;
const REFUSED = 4403; // the code that a socket is closed with
const FILTER = { kinds: ["CONTEXT"] };
// Soon and for long, as a server under test starts again at once or, on a busy machine, late.
const PATIENT = { retryAttempts: Infinity, retryWait: () => new Promise((again) => setTimeout(again, 50)) };

const signed = (key) => (key ? { authorization: `Bearer ${key}` } : {});

/** A client of graphql-ws or graphql-sse whose subscriptions go on after the last change when it comes back. */
const resuming = (client) => ({
  ...client,
  subscribe(payload, sink) {
    const variables = { ...payload.variables };
    const next = (result) => {
      variables.after = result.data?.changes?.cursor ?? variables.after;
      sink.next(result);
    };
    const rest = { error: (error) => sink.error(error), complete: () => sink.complete() };
    return client.subscribe({ ...payload, variables }, { ...rest, next });
  },
});

// graphql-ws by itself gives up when nothing listens at the server's port.
const shouldRetry = ({ code }) => code !== REFUSED;
const socket = ({ url, key }) =>
  resuming(createSocket({ url: url.replace("http", "ws"), connectionParams: signed(key), shouldRetry, ...PATIENT }));

const sse = ({ url, key }, options = {}) => resuming(createSse({ url, headers: signed(key), ...options, ...PATIENT }));

/** What a client was told, in the same words for all of them. */
const sinkOf = (tell) => ({
  next: ({ data, errors }) => (errors ? tell({ errors }) : tell({ change: data.changes })),
  error: (errors) => tell({ errors }),
  complete: () => tell({ complete: true }),
});

const subscribe = (client, { after }, tell) =>
  client.subscribe({ query: QUERY, variables: { after, filter: FILTER } }, sinkOf(tell));

function urql(server, tell) {
  const client = sse(server);
  const forwardSubscription = (request) => ({
    subscribe: (sink) => ({ unsubscribe: client.subscribe(request, sink) }),
  });
  const exchanges = [subscriptionExchange({ forwardSubscription })];
  const results = new Client({ url: server.url, exchanges }).subscription(QUERY, { after: server.after, filter: FILTER });
  results.subscribe(({ data, error }) => (error ? tell({ errors: error.graphQLErrors }) : tell({ change: data.changes })));
}

function apollo(server, tell) {
  const link = new GraphQLWsLink(socket(server));
  const client = new ApolloClient({ cache: new InMemoryCache(), link });
  const variables = { after: server.after, filter: FILTER };
  client.subscribe({ query: gql(QUERY), variables }).subscribe({
    next: ({ data, error }) => (error ? tell({ errors: error.errors ?? [error] }) : tell({ change: data.changes })),
    error: (error) => tell({ errors: error.errors ?? [error] }),
  });
}

/** It sends the last event's id back by itself, but no credential, which something before the server has to add. */
function eventSource({ url, after }, tell) {
  const variables = JSON.stringify({ after, filter: FILTER });
  const source = new EventSource(`${url}?${new URLSearchParams({ query: QUERY, variables })}`);
  source.addEventListener("next", ({ data }) => sinkOf(tell).next(JSON.parse(data)));
  source.addEventListener("complete", () => {
    source.close();
    tell({ complete: true });
  });
}

export const clients = {
  "graphql-ws": (server, tell) => subscribe(socket(server), server, tell),
  "graphql-sse": (server, tell) => subscribe(sse(server), server, tell),
  "graphql-sse on one connection": (server, tell) =>
    subscribe(sse({ ...server, url: `${server.url}/stream` }, { singleConnection: true }), server, tell),
  urql,
  apollo,
  eventSource,
};

/** Listen with a client to what is changed after the present. */
export async function listen(name, server, tell) {
  const response = await fetch(server.url, {
    method: "POST",
    headers: { "content-type": "application/json", ...signed(server.key) },
    body: JSON.stringify({ query: "{ changes(last: 1) { pageInfo { endCursor } } }" }),
  });
  const { data } = await response.json();
  tell({ after: data.changes.pageInfo.endCursor });
  clients[name]({ ...server, after: data.changes.pageInfo.endCursor }, tell);
}

globalThis.listen = listen;
