// Runs deploy/d1-proxy/worker.js with a local D1 database until standard input ends; prints its address.
// Arguments: the Worker, its token, and the folder of the database.
import { readFileSync } from 'node:fs'
import { Miniflare } from 'miniflare'

const [worker, token, folder] = process.argv.slice(2)
const miniflare = new Miniflare({
  modules: [{ type: 'ESModule', path: 'worker.js', contents: readFileSync(worker, 'utf8') }],
  compatibilityDate: '2026-01-01',
  bindings: { TOKEN: token },
  d1Databases: { REGISTRY: 'registry' },
  d1Persist: folder,
  host: '127.0.0.1',
  port: 0,
  cf: false,
})
console.log((await miniflare.ready).href)
process.stdin.resume()
process.stdin.on('end', async () => {
  await miniflare.dispose()
  process.exit(0)
})
