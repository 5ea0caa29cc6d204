"""What clients send on a WebSocket in graphql-transport-ws, and the codes that it is closed with."""

from collections.abc import Mapping
from typing import Any

from db.model import strict_json
from server.endpoints.carried_operations import MAX_ID_LENGTH
from server.http.errors import HTTPError

MAX_REASON_BYTES = 120  # bytes of a close frame's reason, which takes 123 (RFC 6455, section 5.5)

# Close codes of RFC 6455's registry, and of the protocol.
FAILED, RESTARTED, TRY_AGAIN_LATER = 1011, 1012, 1013
INVALID, UNAUTHORIZED, FORBIDDEN, WRONG_SUBPROTOCOL = 4400, 4401, 4403, 4406
INIT_TIMEOUT, ID_TAKEN, INIT_TWICE = 4408, 4409, 4429


class Closed(Exception):
    """Raised to close the socket with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


class Disconnected(Exception):
    """Raised once the client has closed the socket."""


class Stopping(Exception):
    """Raised when the server stops."""


def read(received: Mapping[str, Any]) -> dict[str, Any]:
    """The message in an event of ASGI; raises Stopping, Disconnected, and Closed for a malformed one."""
    if received["type"] == "websocket.disconnect":
        raise Stopping if received.get("code") == RESTARTED else Disconnected
    try:
        message = strict_json.read((received.get("text") or "").encode())
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise Closed(INVALID, "a message must be a text: a JSON object with a type")
    return message


def close_error(error: HTTPError) -> Closed:
    return Closed(FORBIDDEN if error.status == 401 else TRY_AGAIN_LATER, str(error))


def operation_id(message: dict[str, Any]) -> str:
    id_ = message.get("id")
    if not isinstance(id_, str) or not 0 < len(id_) <= MAX_ID_LENGTH:
        raise Closed(
            INVALID, f"an operation's id must be a text of 1 to {MAX_ID_LENGTH} characters"
        )
    return id_


def credential(message: dict[str, Any]) -> bytes | None:
    """The value of Authorization in the payload of `connection_init`; None if absent."""
    payload = message.get("payload")
    if payload is None:
        return None
    if not isinstance(payload, dict):
        raise Closed(INVALID, "the payload of connection_init must be a JSON object")
    for name, value in payload.items():
        if name.lower() == "authorization":
            if not isinstance(value, str):
                raise Closed(INVALID, f"{name} must be a text such as Bearer cg_…")
            return value.encode()
    return None
