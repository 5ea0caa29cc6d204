// A rival: mercurius with its JIT and its loaders over better-sqlite3, as its documentation shows.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { openConnection, read } from './queries.mjs'
import { schema } from './schema.mjs'

const upper = (column) => (row) => row[column].toUpperCase()

const resolvers = {
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

// Loaders remember within one request, so that an owner that is asked for twice is read once.
const loaders = {
  Context: {
    owner: async (queries) => queries.map(({ obj }) => read.actor(obj.owner_chitty_id)),
    connections: async (queries) =>
      queries.map(({ obj, params }) => read.connectionsOfContext(obj.chitty_id, params.first)),
  },
  Actor: {
    contexts: async (queries) =>
      queries.map(({ obj, params }) => read.contextsOfActor(obj.chitty_id, params.first)),
  },
  Connection: {
    source: async (queries) =>
      queries.map(({ obj }) =>
        obj.source_type === 'actor' ? read.actor(obj.source_chitty_id) : read.context(obj.source_chitty_id),
      ),
  },
}

const app = Fastify()
app.register(mercurius, { schema, resolvers, loaders, jit: 1 })
await app.listen({ host: '127.0.0.1', port: Number(process.env.BENCH_PORT) })
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0))
