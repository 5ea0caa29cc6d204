/** What the page asks the API for. */

import { DRAWN } from "./kinds.js";

export const MOST_LISTED = 8; // of each kind, where a picture may begin

export const START = `query GraphStart($failing: Int) {
  failing: connections(first: $failing, filter: { status: { eq: FAILED } }, orderBy: [{ field: UPDATED_AT, direction: DESC }]) {
    totalCount
    nodes { ...Drawn }
  }
  connections(first: 1, filter: { status: { not: DISCONNECTED } }) {
    groups(by: [TARGET_SERVICE], first: ${MOST_LISTED}) { targetService }
  }
  services(first: 1) { totalCount }
  actors { totalCount nodes { ...Drawn } }
  contexts { totalCount nodes { ...Drawn } }
  installations { totalCount nodes { ...Drawn } }
}
${DRAWN}`;

export const SERVICES = `query GraphServices($names: [String!]!) {
  services(first: ${MOST_LISTED}, filter: { in: $names }) { nodes { ...Drawn } }
}
${DRAWN}`;

export const AROUND = `query GraphAround($of: ID!, $depth: Int!, $most: Int!) {
  neighborhood(of: $of, depth: $depth, maxNodes: $most) {
    truncated
    nodes { ...Drawn }
  }
}
${DRAWN}`;

export const NODES = `query GraphNodes($ids: [ID!]!) {
  nodes(ids: $ids) { ...Drawn }
}
${DRAWN}`;

export const PATH = `query GraphPath($from: ID!, $to: ID!, $most: Int!) {
  shortestPath(from: $from, to: $to, maxDepth: $most) { from to relation }
}`;

export const SEARCH = `query GraphSearch($text: String!) {
  search(text: $text) {
    totalCount
    edges { field highlight node { ...Drawn } }
  }
}
${DRAWN}`;

export const CHANGES = `subscription GraphChanges {
  changes {
    operation
    entityId
    entity { ...Drawn }
  }
}
${DRAWN}`;

/** By kind of a key that a link may have: the field that finds its object, and the type of the key. */
const LOOKUPS = {
  actor: (key) => ["ChittyID!", `actor(chittyId: ${key})`],
  context: (key) => ["ChittyID!", `context(chittyId: ${key})`],
  installation: (key) => ["BigInt!", `installation(installationId: ${key})`],
  connection: (key) => ["ID!", `connection(connectionId: ${key})`],
  service: (key) => ["String!", `services(first: 1, filter: { eq: ${key} })`],
};

/** The kind and key that a name in a link consists of; null if it is the id of an object. */
export function keyOf(name) {
  const [, kind, key] = /^(\w+):(.+)$/s.exec(name) ?? [];
  return Object.hasOwn(LOOKUPS, kind) ? { kind, key } : null;
}

/** The operation that finds the objects with these keys: the answer's fields are r0, r1 and so on. */
export function lookup(keys) {
  const parts = keys.map(({ kind }, index) => {
    const [type, field] = LOOKUPS[kind](`$k${index}`);
    const selection = kind === "service" ? "{ nodes { ...Drawn } }" : "{ ...Drawn }";
    return { variable: `$k${index}: ${type}`, field: `  r${index}: ${field} ${selection}` };
  });
  const variables = parts.map(({ variable }) => variable).join(", ");
  return {
    query: `query GraphLookup(${variables}) {\n${parts.map(({ field }) => field).join("\n")}\n}\n${DRAWN}`,
    variables: Object.fromEntries(keys.map(({ key }, index) => [`k${index}`, key])),
  };
}

const COUNTED = "{ totalCount groups(by: [STATUS], first: 5) { status count } }";

/** By kind: the operation that the inspector shows, which also opens in GraphiQL. */
export const DETAILS = {
  ACTOR: `query Actor($id: ID!) {
  node(id: $id) {
    ... on Actor {
      displayName
      chittyId
      actorType
      status
      email
      capabilities
      lastSeenAt
      createdAt
      updatedAt
      contexts ${COUNTED}
      connections ${COUNTED}
    }
  }
}`,
  CONTEXT: `query Context($id: ID!) {
  node(id: $id) {
    ... on Context {
      name
      chittyId
      status
      data
      systems
      tools
      createdAt
      updatedAt
      deletedAt
      owner { displayName chittyId }
      connections ${COUNTED}
      installations(first: 5) { totalCount nodes { accountLogin } }
    }
  }
}`,
  INSTALLATION: `query Installation($id: ID!) {
  node(id: $id) {
    ... on Installation {
      accountLogin
      installationId
      accountType
      repositorySelection
      events
      permissions { name access }
      installedAt
      updatedAt
      suspendedAt
      uninstalledAt
      suspendedBy { displayName }
      connections ${COUNTED}
    }
  }
}`,
  CONNECTION: `query Connection($id: ID!) {
  node(id: $id) {
    ... on Connection {
      status
      lastError
      errorCount
      lastHealthCheck
      targetService
      targetEndpoint
      connectionId
      connectionType
      requestCount
      lastUsedAt
      createdAt
      updatedAt
      disconnectedAt
      source { ... on Context { name } ... on Actor { displayName } }
      installation { accountLogin }
      hasCredentials
    }
  }
}`,
  SERVICE: `query Service($id: ID!) {
  node(id: $id) {
    ... on Service {
      name
      stats { total byStatus { status count } requests errors }
      contexts(first: 5) { totalCount nodes { name } }
    }
  }
}`,
};
