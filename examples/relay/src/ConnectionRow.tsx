import { useState } from "react";
import { graphql, useFragment, useMutation } from "react-relay";
import type { ConnectionRow_connection$key } from "./__generated__/ConnectionRow_connection.graphql";
import type { ConnectionRowDisconnectMutation } from "./__generated__/ConnectionRowDisconnectMutation.graphql";
import type { ConnectionRowReconnectMutation } from "./__generated__/ConnectionRowReconnectMutation.graphql";

const FRAGMENT = graphql`
  fragment ConnectionRow_connection on Connection {
    id
    targetService
    targetEndpoint
    status
    source {
      __typename
      ... on Context {
        name
      }
      ... on Actor {
        displayName
      }
    }
  }
`;

const DISCONNECT = graphql`
  mutation ConnectionRowDisconnectMutation($input: ConnectionRefInput!) {
    disconnect(input: $input) {
      connection {
        id
        status
      }
      errors {
        message
      }
    }
  }
`;

const RECONNECT = graphql`
  mutation ConnectionRowReconnectMutation($input: ConnectionRefInput!) {
    reconnect(input: $input) {
      connection {
        id
        status
      }
      errors {
        message
      }
    }
  }
`;

export function ConnectionRow({ connection }: { connection: ConnectionRow_connection$key }) {
  const row = useFragment(FRAGMENT, connection);
  const [disconnect, isDisconnecting] = useMutation<ConnectionRowDisconnectMutation>(DISCONNECT);
  const [reconnect, isReconnecting] = useMutation<ConnectionRowReconnectMutation>(RECONNECT);
  const [refusals, setRefusals] = useState<readonly { message: string }[]>([]);
  const input = { connectionId: row.id };
  const onError = (error: Error) => setRefusals([error]);

  // The row shows the new status at once, and the old one again if the server refuses.
  function close() {
    const changed = { id: row.id, status: "DISCONNECTED" as const };
    disconnect({
      variables: { input },
      optimisticResponse: { disconnect: { connection: changed, errors: [] } },
      onCompleted: (data) => setRefusals(data.disconnect.errors),
      onError,
    });
  }

  function open() {
    const changed = { id: row.id, status: "ACTIVE" as const };
    reconnect({
      variables: { input },
      optimisticResponse: { reconnect: { connection: changed, errors: [] } },
      onCompleted: (data) => setRefusals(data.reconnect.errors),
      onError,
    });
  }

  const { source } = row;
  return (
    <li>
      <b>
        {source.__typename === "Context" && source.name}
        {source.__typename === "Actor" && source.displayName}
      </b>
      <span>{row.targetEndpoint ?? row.targetService}</span>
      <span data-status={row.status}>{row.status.toLowerCase()}</span>
      {row.status === "ACTIVE" ? (
        <button type="button" disabled={isDisconnecting} onClick={close}>
          Disconnect
        </button>
      ) : (
        <button type="button" disabled={isReconnecting} onClick={open}>
          Reconnect
        </button>
      )}
      {refusals.map(({ message }) => (
        <p key={message} role="alert">
          {message}
        </p>
      ))}
    </li>
  );
}
