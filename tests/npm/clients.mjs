// What the clients that people use make of the server: node clients.mjs URL CREDENTIAL
//
// Prints one JSON object: by each client's name, what it was given for one operation, for one that it
// names by its document's id, and for one that is refused.
import { createClient as createSse } from 'graphql-sse'
import { createClient as createWs } from 'graphql-ws'
import WebSocket from 'ws'

const [url, credential] = process.argv.slice(2)
const QUERY = 'query Named { viewer { capabilities } }'
const REFUSED = '{ nothing }'

const clients = {
  'graphql-ws': createWs({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization: credential },
    retryAttempts: 0,
  }),
  'graphql-sse': createSse({ url, headers: { authorization: credential }, retryAttempts: 0 }),
}

const told = (client, payload) =>
  new Promise((resolve) => {
    const found = []
    client.subscribe(
      payload,
      {
        next: (result) => found.push(result),
        error: (errors) => resolve({ found, errors }),
        complete: () => resolve({ found, errors: null }),
      },
    )
  })

const results = {}
for (const [name, client] of Object.entries(clients)) {
  results[name] = {
    answered: await told(client, { query: QUERY }),
    named: await told(client, { query: '', documentId: 'capabilities' }),
    refused: await told(client, { query: REFUSED }),
  }
  await client.dispose()
}
console.log(JSON.stringify(results))
