/** How the page sends requests: with the credential, and reporting how each went. */

import { getOperationAST, parse } from "graphql";
import { subscription } from "./events.js";

export const INTROSPECTION = "IntrospectionQuery";
const ACCEPT = "application/graphql-response+json, application/json;q=0.9";
const ACCEPT_EVENTS = "text/event-stream, application/graphql-response+json;q=0.9";

/** Where operations go: relative to the page's address, which a proxy may have under a prefix. */
export const ENDPOINT = new URL("graphql", window.location.href).href;

/**
 * A client whose requests carry the credential from the last call of `use` as a bearer token.
 *
 * The credential lives in this closure only: a reload forgets it. `onStatus` gets the status of each response and
 * whether a credential was sent, except for server errors: they say nothing about it. `onResult` gets what an
 * operation's response tells, but for introspection.
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

  async function fetcher({ query, variables, operationName }, { headers } = {}) {
    const isIntrospection = operationName === INTROSPECTION;
    const own = isIntrospection ? {} : { prefer: "server-timing" };
    const named = isNamedIn(query, operationName) ? { operationName } : {};
    const body = { query, variables, ...named, ...(isIntrospection ? {} : { extensions: { cost: true } }) };
    if (isSubscription(query, named.operationName)) {
      return listen({ query, variables, ...named }, headers);
    }
    const started = performance.now();
    const response = await send(ENDPOINT, {
      method: "POST",
      headers: { "content-type": "application/json", accept: ACCEPT, ...own, ...headers },
      body: JSON.stringify(body),
    });
    const bytes = await response.arrayBuffer();
    const milliseconds = performance.now() - started;
    const result = parsed(response, new TextDecoder().decode(bytes));
    if (isIntrospection) return introspected(result);
    const { cost, throttle } = takeExtensions(result);
    onResult({ result, cost, throttle, milliseconds, bytes: bytes.byteLength, ...told(response) });
    return result;
  }

  function listen(body, headers) {
    const open = (lastEventId, signal) =>
      send(ENDPOINT, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: ACCEPT_EVENTS,
          ...(lastEventId ? { "last-event-id": lastEventId } : {}),
          ...headers,
        },
        body: JSON.stringify(body),
        signal,
      });
    return subscription(open, async (response) => parsed(response, await response.text()));
  }

  return { send, fetcher, use: (value) => (credential = value), isAuthorized: () => credential !== "" };
}

/** GraphiQL knows the names of a text only a moment after it was written, and sends one of the text before. */
function isNamedIn(query, operationName) {
  return new RegExp(`\\b(query|mutation|subscription)\\s+${operationName}\\b`).test(query);
}

function isSubscription(query, operationName) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false; // the server says what is wrong with it
  }
}

async function reached(url, init) {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw failure("The server cannot be reached: does it run?");
  }
}

/** An error without a stack, which GraphiQL would show as a part of the response. */
function failure(message) {
  const error = new Error(message);
  error.stack = undefined;
  return error;
}

function parsed(response, text) {
  try {
    return JSON.parse(text);
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
