// Which changes of a schema break clients: node schema_diff.mjs OLD NEW...
//
// Prints a JSON list for each new one: the paths that graphql-inspector gives such changes.
import { readFileSync } from 'node:fs'
import { CriticalityLevel, diff } from '@graphql-inspector/core'
import { buildSchema } from 'graphql'

const [older, ...newer] = process.argv.slice(2).map((path) => buildSchema(readFileSync(path, 'utf8')))
const breaking = async (schema) =>
  (await diff(older, schema))
    .filter((change) => change.criticality.level === CriticalityLevel.Breaking)
    .map((change) => change.path)
console.log(JSON.stringify(await Promise.all(newer.map(breaking))))
