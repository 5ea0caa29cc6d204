// A rival: Bun's own HTTP server, whose operations graphql-jit compiles, over bun:sqlite.
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import { createSchema } from 'graphql-yoga'
import { parse, validate } from 'graphql'
import { immediate as resolvers } from './immediate.mjs'
import { schema as typeDefs } from './schema.mjs'

const MOST_OPERATIONS = 1000

const schema = createSchema({ typeDefs, resolvers })

// Parsed, validated and compiled once, as by mercurius.
const operations = new Map()
const compiled = (query) => {
  const document = parse(query)
  const errors = validate(schema, document)
  if (errors.length) return { query: () => ({ errors }) }
  const operation = compileQuery(schema, document)
  if (!isCompiledQuery(operation)) return { query: () => operation }
  return operation
}
const operationOf = (query) => {
  let operation = operations.get(query)
  if (!operation) {
    if (operations.size === MOST_OPERATIONS) operations.clear()
    operations.set(query, (operation = compiled(query)))
  }
  return operation
}

Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.BENCH_PORT),
  routes: {
    '/graphql': {
      POST: async (request) => {
        const { query, variables } = await request.json()
        return Response.json(await operationOf(query).query(undefined, {}, variables))
      },
    },
  },
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0))
