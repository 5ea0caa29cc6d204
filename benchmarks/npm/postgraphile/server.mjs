// A rival: PostGraphile with its own HTTP server, over the functions and tables of postgres.sql.
import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'

// PostGraphile asks for Node.js 22, of which 20 lacks only this.
Promise.withResolvers ??= () => {
  const made = {}
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}

const server = createServer()
const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString: process.env.BENCH_POSTGRES, schemas: ['public'] })],
  gather: { installWatchFixtures: false },
  grafast: { explain: false },
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false, websockets: false },
}
const instance = postgraphile(preset)
await instance.getSchema()
await instance.createServ(grafserv).addTo(server)
server.listen(Number(process.env.BENCH_PORT), '127.0.0.1')
