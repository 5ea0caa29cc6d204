// A rival: GraphQL Yoga on Node's own HTTP server, whose operations graphql-jit compiles, over better-sqlite3.
import { createServer } from 'node:http'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'
import { immediate as resolvers } from './immediate.mjs'
import { schema as typeDefs } from './schema.mjs'

const schema = createSchema({ typeDefs, resolvers })

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
