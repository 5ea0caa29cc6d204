/** The kinds of objects: how they are called, and what of an answer the picture shows of them. */

/** By kind, in the order of columns: the words for one and many, and the shape, by Cytoscape's name. */
export const WORDS = {
  ACTOR: { one: "actor", many: "Actors", shape: "ellipse" },
  CONTEXT: { one: "context", many: "Contexts", shape: "round-rectangle" },
  CONNECTION: { one: "connection", many: "Connections", shape: "triangle" },
  SERVICE: { one: "service", many: "Services", shape: "hexagon" },
  INSTALLATION: { one: "installation", many: "Installations", shape: "diamond" },
};

/** By relation: how it reads from the object that it begins at, and from the one that it ends at. */
export const RELATIONS = {
  OWNS: ["owns", "owned by"],
  OPENS: ["opened", "opened by"],
  TARGETS: ["leads to", "target of"],
  USES: ["uses", "used by"],
  SUSPENDED: ["suspended", "suspended by"],
};

/** What is asked of each object that is drawn: enough to draw it, and to know its relations. */
export const DRAWN = `fragment Drawn on Node {
  __typename
  id
  ... on Actor { displayName chittyId actorType actorStatus: status }
  ... on Context { name contextStatus: status owner { id } }
  ... on Installation { accountLogin accountType suspendedAt uninstalledAt suspendedBy { id } }
  ... on Connection {
    targetService targetEndpoint connectionType connectionStatus: status
    source { ... on Actor { id displayName chittyId } ... on Context { id name } }
    installation { id }
  }
  ... on Service { name }
}`;

const sourceOf = ({ source }) => source?.name ?? source?.displayName ?? source?.chittyId ?? "?";

const READ = {
  Actor: (it) => ({
    kind: "ACTOR",
    title: it.displayName ?? it.chittyId,
    type: it.actorType,
    status: it.actorStatus,
    relations: [],
  }),
  Context: (it) => ({
    kind: "CONTEXT",
    title: it.name,
    status: it.contextStatus,
    relations: [{ from: it.owner?.id, relation: "OWNS", to: it.id }],
  }),
  Installation: (it) => ({
    kind: "INSTALLATION",
    title: it.accountLogin,
    type: it.accountType,
    status: it.uninstalledAt ? "DELETED" : it.suspendedAt ? "SUSPENDED" : "ACTIVE",
    relations: [{ from: it.suspendedBy?.id, relation: "SUSPENDED", to: it.id }],
  }),
  Connection: (it) => ({
    kind: "CONNECTION",
    title: `${sourceOf(it)} → ${it.targetService}`,
    source: sourceOf(it),
    type: it.connectionType,
    status: it.connectionStatus,
    service: it.targetService,
    endpoint: it.targetEndpoint,
    relations: [
      { from: it.source?.id, relation: "OPENS", to: it.id },
      { from: it.id, relation: "USES", to: it.installation?.id },
    ],
  }),
  Service: (it) => ({ kind: "SERVICE", title: it.name, relations: [] }),
};

/** A node as the picture has it; null for what it does not draw. */
export function nodeOf(answered) {
  const read = READ[answered?.__typename];
  return read ? { id: answered.id, type: null, status: null, ...read(answered) } : null;
}

export const isFailing = (node) => node.status === "FAILED";

/** What a node is, in words: as lists and screen readers tell it. */
export const described = (node) => [kindOf(node), node.endpoint].filter(Boolean).join(", ");

/** The same without the endpoint of a connection. */
export function kindOf(node) {
  return [WORDS[node.kind].one, node.type?.toLowerCase(), node.status?.toLowerCase()].filter(Boolean).join(", ");
}
