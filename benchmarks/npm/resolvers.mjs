// What the servers on Node.js share: the values of fields that are columns, and the roots.
import { openConnection, read } from './queries.mjs'

const upper = (column) => (row) => row[column].toUpperCase()

export const resolvers = {
  Query: {
    actor: (_, { chittyId }) => read.actor(chittyId),
    context: (_, { chittyId }) => read.context(chittyId),
    contexts: (_, { first }) => read.contexts(first),
    connections: (_, { first }) => read.connections(first),
  },
  Mutation: { openConnection: (_, { input }) => openConnection(input) },
  Actor: {
    chittyId: (row) => row.chitty_id,
    actorType: upper('actor_type'),
    displayName: (row) => row.display_name,
  },
  Context: {
    chittyId: (row) => row.chitty_id,
    status: upper('status'),
    createdAt: (row) => row.created_at,
    updatedAt: (row) => row.updated_at,
  },
  Connection: {
    connectionId: (row) => row.connection_id,
    sourceType: upper('source_type'),
    targetService: (row) => row.target_service,
    targetEndpoint: (row) => row.target_endpoint,
    connectionType: upper('connection_type'),
    status: upper('status'),
    errorCount: (row) => row.error_count,
    requestCount: (row) => String(row.request_count),
    lastUsedAt: (row) => row.last_used_at,
    config: (row) => JSON.parse(row.config),
    createdAt: (row) => row.created_at,
    updatedAt: (row) => row.updated_at,
  },
  ConnectionSource: { resolveType: (row) => ('owner_chitty_id' in row ? 'Context' : 'Actor') },
}
