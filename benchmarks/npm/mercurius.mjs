// A rival: mercurius with its JIT and its loaders over better-sqlite3, as its documentation shows.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { read } from './queries.mjs'
import { resolvers } from './resolvers.mjs'
import { schema } from './schema.mjs'

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
