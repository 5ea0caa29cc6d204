// The reads and the write, prepared once. SQLite runs in the process, so that one prepared statement per
// parent is the fastest way to a page of each: it reads off an index and stops.
import { randomUUID } from 'node:crypto'

const PAGE_MAX = 1000

// Both drivers prepare, and run what is prepared, by the same names.
const { default: Database } = await import(process.versions.bun ? 'bun:sqlite' : 'better-sqlite3')
const db = new Database(process.env.BENCH_DATABASE)
db.exec('PRAGMA journal_mode = WAL')
db.exec(`PRAGMA synchronous = ${process.env.BENCH_SYNCHRONOUS ?? 'NORMAL'}`)
db.exec('PRAGMA foreign_keys = ON')
db.exec('PRAGMA cache_size = -32000')

const actor = db.prepare('SELECT * FROM actors WHERE chitty_id = ?')
const context = db.prepare('SELECT * FROM contexts WHERE chitty_id = ?')
const contexts = db.prepare(`
  SELECT * FROM contexts WHERE status <> 'deleted'
  ORDER BY created_at DESC, chitty_id DESC LIMIT ?
`)
const connections = db.prepare(`
  SELECT * FROM connections WHERE status <> 'disconnected'
  ORDER BY created_at DESC, connection_id DESC LIMIT ?
`)
const contextsOfActor = db.prepare(`
  SELECT * FROM contexts WHERE owner_chitty_id = ? AND status <> 'deleted'
  ORDER BY created_at DESC, chitty_id DESC LIMIT ?
`)
const connectionsOfContext = db.prepare(`
  SELECT * FROM connections
  WHERE source_chitty_id = ? AND source_type = 'context' AND status <> 'disconnected'
  ORDER BY created_at DESC, connection_id DESC LIMIT ?
`)
const insert = db.prepare(`
  INSERT INTO connections (
    connection_id, source_chitty_id, source_type, target_service, target_endpoint,
    connection_type, config, created_at, updated_at
  )
  VALUES (?, ?, 'context', ?, ?, ?, ?, ?, ?)
  RETURNING *
`)

// One row more than the page shows tells whether there is a next one.
const page = (rows, first, key) => {
  const nodes = rows.length > first ? rows.slice(0, first) : rows
  const last = nodes.at(-1)
  const endCursor = last ? Buffer.from(`${last.created_at},${last[key]}`).toString('base64') : null
  return { nodes, pageInfo: { hasNextPage: rows.length > first, endCursor } }
}

const size = (first) => {
  if (first < 1 || first > PAGE_MAX) throw new Error(`first must be from 1 to ${PAGE_MAX}`)
  return first + 1
}

export const read = {
  actor: (id) => actor.get(id),
  context: (id) => context.get(id),
  contexts: (first) => page(contexts.all(size(first)), first, 'chitty_id'),
  connections: (first) => page(connections.all(size(first)), first, 'connection_id'),
  contextsOfActor: (id, first) => page(contextsOfActor.all(id, size(first)), first, 'chitty_id'),
  connectionsOfContext: (id, first) =>
    page(connectionsOfContext.all(id, size(first)), first, 'connection_id'),
}

export const openConnection = (input) => {
  if (!context.get(input.source)) {
    const error = { code: 'NOT_FOUND', message: 'no such context', path: ['input', 'source'] }
    return { connection: null, errors: [error] }
  }
  const now = new Date().toISOString()
  const row = insert.get(
    randomUUID(),
    input.source,
    input.targetService,
    input.targetEndpoint ?? null,
    input.connectionType.toLowerCase(),
    JSON.stringify(input.config ?? {}),
    now,
    now,
  )
  return { connection: row, errors: [] }
}
