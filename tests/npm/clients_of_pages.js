// What pages do in other_origins.mjs, as `clients`: each client gives the data of one operation, or fails.
import { ApolloClient, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { Client, fetchExchange } from "@urql/core";
import { createClient as createSse } from "graphql-sse";
import { createClient as createSocket } from "graphql-ws";

const signed = (key) => (key ? { authorization: `Bearer ${key}` } : {});

const urql = (options) => async (url, key, document, variables) => {
  const client = new Client({ url, exchanges: [fetchExchange], fetchOptions: { headers: signed(key) }, ...options });
  const isMutation = document.startsWith("mutation");
  const result = await (isMutation ? client.mutation(document, variables) : client.query(document, variables ?? {}));
  if (result.error) throw result.error;
  return plain(result.data);
};

async function apollo(url, key, document, variables) {
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url, headers: signed(key) }) });
  const isMutation = document.startsWith("mutation");
  const asked = isMutation ? client.mutate({ mutation: gql(document), variables }) : client.query({ query: gql(document) });
  return plain((await asked).data);
}

/** The data without the type names that caches add. */
const plain = (data) => JSON.parse(JSON.stringify(data, (name, value) => (name === "__typename" ? undefined : value)));

const subscribed = (client, query) =>
  new Promise((resolve, reject) => {
    client.subscribe({ query }, { next: ({ data }) => resolve(data), error: reject, complete: () => {} });
  });

const sse = (url, key, document) => subscribed(createSse({ url, headers: signed(key), retryAttempts: 0 }), document);

const socket = (url, key, document) =>
  subscribed(
    createSocket({ url: url.replace("http", "ws"), connectionParams: signed(key), retryAttempts: 0 }),
    document,
  );

const HEADERS = ["etag", "preference-applied", "retry-after", "server-timing", "x-request-id"];

async function fetched(url, init) {
  const answer = await fetch(url, init);
  const headers = Object.fromEntries(HEADERS.map((name) => [name, answer.headers.get(name)]));
  return { status: answer.status, headers, body: await answer.text() };
}

const eventSource = (url) =>
  new Promise((resolve, reject) => {
    const source = new EventSource(url);
    source.addEventListener("next", (event) => resolve(event.data));
    source.addEventListener("complete", () => source.close());
    source.onerror = () => reject(new Error("no stream"));
  });

/** What a frame without an origin makes of a request. */
const inSandbox = (url) =>
  new Promise((resolve) => {
    addEventListener("message", ({ data }) => resolve(data));
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    const asked = `fetch(${JSON.stringify(url)} + "?query={__typename}")`;
    frame.srcdoc = `<script>${asked}.then(() => "read", String).then((told) => parent.postMessage(told, "*"))</script>`;
    document.body.append(frame);
  });

/** What a page may send without asking first: what the browser says of each. */
async function forge(url, query) {
  const body = JSON.stringify({ query });
  const simple = await fetch(url, { method: "POST", mode: "no-cors", body });
  const image = new Promise((resolve) => {
    const image = new Image();
    image.onload = () => resolve("loaded");
    image.onerror = () => resolve("failed");
    image.src = `${url}?query=${encodeURIComponent(query)}`;
  });
  const form = new Promise((resolve) => {
    document.body.innerHTML =
      `<iframe name="target"></iframe><form method="post" enctype="text/plain" target="target" action="${url}"><input></form>`;
    const input = document.querySelector("input");
    [input.name, input.value] = [body.slice(0, -1) + ',"extensions":{"a":"', '"}}'];
    document.querySelector("iframe").onload = () => resolve("loaded");
    document.querySelector("form").submit();
  });
  const beacon = navigator.sendBeacon(url, body);
  return { simple: simple.type, form: await form, image: await image, beacon };
}

globalThis.clients = {
  apollo,
  eventSource,
  fetched,
  forge,
  inSandbox,
  socket,
  sse,
  urql: urql({ preferGetMethod: false }),
  urqlByGet: urql({ preferGetMethod: "force" }),
};
