import { createClient, type RequestParams } from "graphql-sse";
import {
  Environment,
  type FetchFunction,
  type GraphQLResponse,
  Network,
  Observable,
  RecordSource,
  Store,
  type SubscribeFunction,
} from "relay-runtime";
import { resuming } from "./resuming";

// A page of this machine may ask an open server; see CHITTYGRAPH_ALLOWED_ORIGINS for all others.
const url = import.meta.env.VITE_API_URL ?? "http://127.0.0.1:8000/graphql";

// With `persistConfig` in relay.config.json the compiler leaves an id in place of the text.
const documentOf = ({ id, text }: { id: string | null; text: string | null }) =>
  text ? { query: text } : { documentId: id };

function credential(): Record<string, string> {
  const token = sessionStorage.getItem("token");
  return token ? { authorization: `Bearer ${token}` } : {};
}

const fetchQuery: FetchFunction = async (request, variables) => {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json",
      ...credential(),
    },
    body: JSON.stringify({ ...documentOf(request), variables }),
  });
  return response.json();
};

const streams = resuming(createClient({ url, headers: credential, retryAttempts: 10 }));

const subscribe: SubscribeFunction = (request, variables) =>
  Observable.create<GraphQLResponse>((sink) =>
    streams.subscribe({ ...documentOf(request), variables } as RequestParams, {
      next: (result) => sink.next(result as GraphQLResponse),
      error: (problem) => sink.error(problem as Error),
      complete: () => sink.complete(),
    }),
  );

export const environment = new Environment({
  network: Network.create(fetchQuery, subscribe),
  store: new Store(new RecordSource()),
});
