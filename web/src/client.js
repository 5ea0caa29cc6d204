/** How the page sends requests: with the credential, and reporting how each went. */

import { isNamedIn, isSubscription } from "./operations.js";
import { subscription } from "./subscription.js";

export const INTROSPECTION = "IntrospectionQuery";
const ACCEPT = "application/graphql-response+json, application/json;q=0.9";
const ACCEPT_STREAM = "text/event-stream, application/json;q=0.9";

/** Where operations go: relative to the page's address, which a proxy may have under a prefix. */
export const ENDPOINT = new URL("graphql", window.location.href).href;

/**
 * A client whose requests carry the credential from the last call of `use` as a bearer token.
 *
 * The credential lives in this closure only: a reload forgets it. `onStatus` gets the status of each response and
 * whether a credential was sent, except for server errors: they say nothing about it. `onResult` gets what an
 * operation's response tells, but for introspection; of a subscription it gets what was `received` so far.
 */
export function createClient({ onStatus, onResult }) {
  let credential = "";

  async function send(url, init = {}) {
    const headers = new Headers(init.headers);
    if (credential && !headers.has("authorization")) headers.set("authorization", `Bearer ${credential}`);
    const response = await reached(url, { ...init, headers });
    if (response.status < 500) onStatus({ status: response.status, sent: headers.has("authorization") });
    return response;
  }

  function fetcher(operation, { headers } = {}) {
    const isNamed = isNamedIn(operation.query, operation.operationName);
    const named = isNamed ? operation : { ...operation, operationName: undefined };
    return isSubscription(named) ? subscribed(named, headers) : answered(named, headers);
  }

  const post = (accept, headers, body, signal) =>
    send(ENDPOINT, {
      method: "POST",
      headers: { "content-type": "application/json", accept, ...headers },
      body: JSON.stringify(body),
      signal,
    });

  async function answered(operation, headers) {
    const isIntrospection = operation.operationName === INTROSPECTION;
    const own = isIntrospection ? {} : { prefer: "server-timing" };
    const started = performance.now();
    const body = { ...operation, ...(isIntrospection ? {} : { extensions: { cost: true } }) };
    const response = await post(ACCEPT, { ...own, ...headers }, body);
    return isIntrospection ? introspected((await read(response)).result) : reported(response, started);
  }

  function subscribed(operation, headers) {
    let started;
    return subscription({
      open(lastId, signal) {
        started = performance.now();
        return post(ACCEPT_STREAM, { ...headers, ...(lastId && { "last-event-id": lastId }) }, operation, signal);
      },
      refusal: (response) => reported(response, started),
      onChange: (received) => onResult({ result: received.joined, received: { ...received } }),
    });
  }

  /** The result of a response, once what it tells is reported. */
  async function reported(response, started) {
    const { result, bytes } = await read(response);
    const milliseconds = performance.now() - started;
    const { cost, throttle } = takeExtensions(result);
    onResult({ result, cost, throttle, milliseconds, bytes, ...told(response) });
    return result;
  }

  return { send, fetcher, use: (value) => (credential = value), isAuthorized: () => credential !== "" };
}

async function reached(url, init) {
  try {
    return await fetch(url, init);
  } catch {
    throw failure("The server cannot be reached: does it run?");
  }
}

/** An error without a stack, which GraphiQL would show as a part of the response. */
function failure(message) {
  const error = new Error(message);
  error.stack = undefined;
  return error;
}

async function read(response) {
  const bytes = await response.arrayBuffer();
  const text = new TextDecoder().decode(bytes);
  try {
    return { result: JSON.parse(text), bytes: bytes.byteLength };
  } catch {
    throw failure(`The response with status ${response.status} is no JSON: ${text.slice(0, 200)}`);
  }
}

/** GraphiQL itself would send a second query, in vain, and show the whole response. */
function introspected(result) {
  if (!result.data) throw failure(result.errors?.[0]?.message ?? "the schema cannot be read");
  return result;
}

/** What only the status line asked for is not shown among the response. */
function takeExtensions(result) {
  const { cost, throttle, ...rest } = result.extensions ?? {};
  if (Object.keys(rest).length) result.extensions = rest;
  else delete result.extensions;
  return { cost, throttle };
}

function told(response) {
  const timing = new Map(
    (response.headers.get("server-timing") ?? "").split(",").map((metric) => {
      const [name, value = ""] = metric.trim().split(";");
      return [name, value.replace(/^\w+=/, "")];
    }),
  );
  return {
    status: response.status,
    serverMilliseconds: timing.has("total") ? Number(timing.get("total")) : null,
    execution: timing.get("execution") ?? null,
    statements: timing.has("statements") ? Number(timing.get("statements")) : null,
  };
}
