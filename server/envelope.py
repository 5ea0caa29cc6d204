"""What a client sent, before anything is known of the schema: strictly read, or refused with a status."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

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


async def read(request: Request, max_bytes: int) -> Envelope:
    """The envelope of a GET's parameters or a POST's body.

    Of a parameter or key that comes twice the last one counts. Raises Malformed: 400 for what is
    not a GraphQL request, 413 for a body and 414 for parameters that are too large, 415 for another
    media type, charset or encoding than plain UTF-8 JSON.
    """
    if request.method != "POST":
        return _envelope(_parameters(request.scope["query_string"], max_bytes))
    _check_content_type(request)
    return _envelope(_json(await _body(request, max_bytes), "the body"))


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


def _check_content_type(request: Request) -> None:
    kind, *parameters = request.headers.get("content-type", "").lower().split(";")
    charset = dict(part.strip().partition("=")[::2] for part in parameters).get("charset", "utf-8")
    if kind.strip() != JSON or charset.strip('"') not in ("utf-8", "utf8"):
        raise Malformed(415, f"send the request as {JSON} in UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Malformed(415, "send the body without a content-encoding")


async def _body(request: Request, most: int) -> bytes:
    too_large = Malformed(413, f"the body has more than {most} bytes")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                raise too_large
    except ClientDisconnect:
        raise Malformed(400, "the body ended early") from None
    return bytes(body)


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
