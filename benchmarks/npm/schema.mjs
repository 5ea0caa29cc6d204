// As much of the registry's schema as the workloads ask for.

export const schema = `
  scalar BigInt
  scalar ChittyID
  scalar DateTime
  scalar JSON

  enum ActorType { HUMAN AI SERVICE SYSTEM }
  enum ContextStatus { ACTIVE INACTIVE DELETED }
  enum ConnectionType { API WEBHOOK OAUTH DIRECT }
  enum ConnectionStatus { ACTIVE INACTIVE FAILED DISCONNECTED }
  enum SourceType { CONTEXT ACTOR }

  type PageInfo { hasNextPage: Boolean! endCursor: String }
  type Actor {
    chittyId: ChittyID!
    actorType: ActorType!
    displayName: String
    contexts(first: Int! = 20): ContextConnection!
  }
  type Context {
    chittyId: ChittyID!
    name: String!
    status: ContextStatus!
    createdAt: DateTime!
    updatedAt: DateTime!
    owner: Actor!
    connections(first: Int! = 20): ConnectionConnection!
  }
  union ConnectionSource = Context | Actor
  type Connection {
    connectionId: ID!
    source: ConnectionSource!
    sourceType: SourceType!
    targetService: String!
    targetEndpoint: String
    connectionType: ConnectionType!
    status: ConnectionStatus!
    errorCount: Int!
    requestCount: BigInt!
    lastUsedAt: DateTime
    config: JSON!
    createdAt: DateTime!
    updatedAt: DateTime!
  }
  type ContextConnection { nodes: [Context!]! pageInfo: PageInfo! }
  type ConnectionConnection { nodes: [Connection!]! pageInfo: PageInfo! }

  input OpenConnectionInput {
    source: ChittyID!
    targetService: String!
    targetEndpoint: String
    connectionType: ConnectionType! = API
    config: JSON
  }
  type UserError { code: String! message: String! path: [String!]! }
  type ConnectionPayload { connection: Connection errors: [UserError!]! }

  type Query {
    actor(chittyId: ChittyID!): Actor
    context(chittyId: ChittyID!): Context
    contexts(first: Int! = 20): ContextConnection!
    connections(first: Int! = 20): ConnectionConnection!
  }
  type Mutation { openConnection(input: OpenConnectionInput!): ConnectionPayload! }
`
