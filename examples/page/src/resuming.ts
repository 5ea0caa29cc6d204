import type { Client, ExecutionResult, RequestParams, Sink } from "graphql-sse";

/** A client whose subscriptions go on after the last change that came when a lost connection is back. */
export function resuming(client: Client): Client {
  function subscribe<Data, More>(payload: RequestParams, sink: Sink<ExecutionResult<Data, More>>) {
    const variables: Record<string, unknown> = { ...payload.variables }; // sent anew each time
    const next = (result: ExecutionResult<Data, More>) => {
      const { changes } = (result.data ?? {}) as { changes?: { cursor?: string } };
      variables.after = changes?.cursor ?? variables.after;
      sink.next(result);
    };
    const rest = { error: sink.error.bind(sink), complete: sink.complete.bind(sink) };
    return client.subscribe<Data, More>({ ...payload, variables }, { ...rest, next });
  }
  return { ...client, subscribe };
}
