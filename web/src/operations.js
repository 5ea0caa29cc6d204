/** What the text of an operation says of it. */

import { getOperationAST, parse } from "graphql";

/** GraphiQL knows the names of a text only a moment after it was written, and sends one of the text before. */
export function isNamedIn(query, operationName) {
  return new RegExp(`\\b(query|mutation|subscription)\\s+${operationName}\\b`).test(query);
}

export function isSubscription({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false; // the server says what is wrong with it
  }
}
