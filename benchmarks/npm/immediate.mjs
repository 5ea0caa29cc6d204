// Resolvers that read at once, since statements run in the process: no promise and no loader is needed.
import { read } from './queries.mjs'
import { resolvers } from './resolvers.mjs'

// As the loaders of mercurius do: an owner that is asked for twice in a request is read once.
const actor = (id, context) => {
  const actors = (context.actors ??= new Map())
  let row = actors.get(id)
  if (!row) actors.set(id, (row = read.actor(id)))
  return row
}

export const immediate = {
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
}
