// A rival: GraphQL Yoga on Node's own HTTP server, whose operations graphql-jit compiles, over better-sqlite3.
// Statements run in the process, so that resolvers read at once: no promise and no loader is needed.
import { createServer } from 'node:http'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'
import { read } from './queries.mjs'
import { resolvers } from './resolvers.mjs'
import { schema as typeDefs } from './schema.mjs'

// As the loaders of mercurius do: an owner that is asked for twice in a request is read once.
const actor = (id, context) => {
  const actors = (context.actors ??= new Map())
  let row = actors.get(id)
  if (!row) actors.set(id, (row = read.actor(id)))
  return row
}

const schema = createSchema({
  typeDefs,
  resolvers: {
    ...resolvers,
    Context: {
      ...resolvers.Context,
      owner: (row, _, context) => actor(row.owner_chitty_id, context),
      connections: (row, { first }) => read.connectionsOfContext(row.chitty_id, first),
    },
    Actor: {
      ...resolvers.Actor,
      contexts: (row, { first }) => read.contextsOfActor(row.chitty_id, first),
    },
    Connection: {
      ...resolvers.Connection,
      source: (row, _, context) =>
        row.source_type === 'actor'
          ? actor(row.source_chitty_id, context)
          : read.context(row.source_chitty_id),
    },
    ConnectionSource: { __resolveType: resolvers.ConnectionSource.resolveType },
  },
})

// Yoga parses a document once, so that it stands for its operation. What does not compile is no rival.
const operations = new WeakMap()
const compiled = ({ schema, document, operationName }) => {
  let operation = operations.get(document)
  if (!operation) {
    operation = compileQuery(schema, document, operationName)
    if (!isCompiledQuery(operation)) throw operation.errors[0]
    operations.set(document, operation)
  }
  return operation
}
const jit = {
  onExecute({ args, setExecuteFn }) {
    const operation = compiled(args)
    setExecuteFn(() => operation.query(args.rootValue, args.contextValue, args.variableValues))
  },
}

const yoga = createYoga({ schema, plugins: [jit], graphiql: false, landingPage: false, logging: false })
createServer(yoga).listen(Number(process.env.BENCH_PORT), '127.0.0.1')
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0))
