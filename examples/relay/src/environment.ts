import {
  Environment,
  type FetchFunction,
  Network,
  RecordSource,
  Store,
} from "relay-runtime";

// A page of this machine may ask an open server; see CHITTYGRAPH_ALLOWED_ORIGINS for all others.
const url = import.meta.env.VITE_API_URL ?? "http://127.0.0.1:8000/graphql";

const fetchQuery: FetchFunction = async ({ id, text }, variables) => {
  // With `persistConfig` in relay.config.json the compiler leaves an id in place of the text.
  const document = text ? { query: text } : { documentId: id };
  const token = sessionStorage.getItem("token");
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json",
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ ...document, variables }),
  });
  return response.json();
};

export const environment = new Environment({
  network: Network.create(fetchQuery),
  store: new Store(new RecordSource()),
});
