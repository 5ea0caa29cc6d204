// The load generator for where wrk is missing: autocannon, with the same checks and the same figures.
// Its latencies are whole milliseconds. It says when it has started, from when on SIGINT stops it.
// A line that begins with a slash is a GET: the path, a tab, and the ETag of the answer held, if any is.
// Arguments: url, clients, seconds, the file of bodies, the text that makes serial numbers differ, and the
// headers of every request as JSON.
import { readFileSync } from 'node:fs'
import autocannon from 'autocannon'

const [url, clients, seconds, file, run, headers] = process.argv.slice(2)
const common = JSON.parse(headers)
let serial = 0
let bad = 0
let example = ''

const isRight = (text) => {
  const answer = JSON.parse(text)
  if (!answer.data || answer.errors) return false
  return Object.values(answer.data).every((field) => !field?.errors?.length)
}
const check = (isHeld) => (status, text) => {
  if (isHeld ? status === 304 : status === 200 && isRight(text)) return
  bad += 1
  example ||= `${status} ${text.slice(0, 300)}`
}
const asked = (path, etag) => ({
  method: 'GET',
  path,
  headers: etag ? { ...common, 'if-none-match': etag } : common,
  onResponse: check(Boolean(etag)),
})
const sent = (body) => ({
  method: 'POST',
  headers: { ...common, 'content-type': 'application/json' },
  body,
  setupRequest: (next) => ({ ...next, body: body.replace('@SERIAL@', () => `${run}-${(serial += 1)}`) }),
  onResponse: check(false),
})
const request = (line) => (line.startsWith('/') ? asked(...line.split('\t')) : sent(line))

const bodies = readFileSync(file, 'utf8').split('\n').filter(Boolean)
const job = autocannon({
  url,
  connections: Number(clients),
  duration: Number(seconds),
  requests: bodies.map(request),
})
process.on('SIGINT', () => job.stop())
console.log('started')
const result = await job
console.log(
  JSON.stringify({
    requests: result.requests.total,
    seconds: result.duration,
    p50_ms: result.latency.p50,
    p99_ms: result.latency.p99,
    bad,
    lost: result.errors + result.timeouts,
    example,
  }),
)
