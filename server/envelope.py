"""What a client sent, before anything is known of the schema: strictly read, or refused with a status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from server import strict_json

JSON = "application/json"


class Malformed(Exception):
    """Raised when a request is not a well-formed GraphQL request; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Envelope:
    """One GraphQL request, as GraphQL over HTTP has it."""

    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None


async def read(connection: Scope, receive: Receive, max_bytes: int) -> Envelope:
    """The envelope of a GET's parameters or a POST's body.

    Of a parameter or key that comes twice the last one counts. Raises Malformed: 400 for what is
    not a GraphQL request, 413 for a body and 414 for parameters that are too large, 415 for another
    media type, charset or encoding than plain UTF-8 JSON.
    """
    if connection["method"] != "POST":
        return _envelope(_parameters(connection["query_string"], max_bytes))
    headers = dict(connection["headers"])
    _check_content_type(headers)
    return _envelope(_json(await _body(headers, receive, max_bytes), "the body"))


def asks(connection: Scope) -> bool:
    """Whether the parameters of a request hold a query."""
    given = parse_qsl(connection["query_string"].decode("latin-1"), keep_blank_values=True)
    return any(name == "query" for name, _ in given)


def _parameters(raw: bytes, most: int) -> dict[str, Any]:
    if len(raw) > most:
        raise Malformed(414, f"the parameters have more than {most} bytes: send a POST")
    try:
        params: dict[str, Any] = dict(parse_qsl(raw.decode("ascii"), errors="strict"))
    except ValueError:
        raise Malformed(400, "the parameters must be UTF-8, percent-encoded") from None
    for name in ("variables", "extensions"):
        if name in params:
            params[name] = _json(params[name].encode(), name)
    return params


def _check_content_type(headers: Mapping[bytes, bytes]) -> None:
    if not _is_json(headers.get(b"content-type", b"")):
        raise Malformed(415, f"send the request as {JSON} in UTF-8")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise Malformed(415, "send the body without a content-encoding")


@lru_cache(256)
def _is_json(content_type: bytes) -> bool:
    kind, *parameters = content_type.decode("latin-1").lower().split(";")
    charset = dict(part.strip().partition("=")[::2] for part in parameters).get("charset", "utf-8")
    return kind.strip() == JSON and charset.strip('"') in ("utf-8", "utf8")


async def _body(headers: Mapping[bytes, bytes], receive: Receive, most: int) -> bytes:
    declared, size = headers.get(b"content-length", b"0"), 0
    if declared.isdigit() and int(declared[:20]) > most:
        raise _too_large(most)
    parts = []
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed(400, "the body ended early")
        part, more = message.get("body", b""), message.get("more_body", False)
        parts.append(part)
        size += len(part)
        if size > most:
            raise _too_large(most)
    return b"".join(parts)


def _too_large(most: int) -> Malformed:
    return Malformed(413, f"the body has more than {most} bytes")


def _json(raw: bytes, name: str) -> Any:
    try:
        return strict_json.read(raw)
    except ValueError:
        deepest = strict_json.DEEPEST
        raise Malformed(
            400, f"{name} must be well-formed JSON in UTF-8, nested {deepest} deep at most"
        ) from None


def _envelope(given: Any) -> Envelope:
    if not isinstance(given, Mapping):
        raise Malformed(400, "the body must be a JSON object with a query; batches are not taken")
    query = given.get("query")
    if not isinstance(query, str) or not query:
        raise Malformed(400, "query must be a string with a GraphQL document")
    for name in ("variables", "extensions"):
        if not isinstance(given.get(name), dict | None):
            raise Malformed(400, f"{name} must be a JSON object or null")
    operation_name = given.get("operationName")
    if not isinstance(operation_name, str | None):
        raise Malformed(400, "operationName must be a string or null")
    return Envelope(query, given.get("variables") or {}, operation_name or None)
