"""GraphQL requests as clients send them, read strictly."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from db.model import strict_json
from server.http.bounded_body import BodyReader
from server.http.errors import HTTPError
from server.http.headers import Headers

JSON = "application/json"
MAX_CACHED_GETS, MAX_CACHED_BYTES = 500, 4_000  # requests by GET, and the parameters of one
MAX_CONTENT_TYPE_BYTES = 1_000  # whose verdict is cached
# As names, since `dict | None` is evaluated each time: a hundredth of a small request (W1).
OBJECT_OR_NULL, STRING_OR_NULL = dict | None, str | None
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A request of the GraphQL over HTTP specification; `query` is empty if an id or hash names it."""

    query: str
    variables: dict[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    document_id: str | None = None  # GraphQL over HTTP, appendix on persisted documents
    sha256: str | None = None  # Apollo's persisted queries
    wants_cost: bool = False
    idempotency_key: Any = None  # in its extensions, unchecked
    operation_id: Any = None  # likewise
    source: bytes = b""  # the parameters of a GET or the body of a QUERY, for the response's ETag


class MalformedRequest(HTTPError):
    """Raised for JSON that is no request."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message)


async def read(
    scope: Scope, headers: Headers, receive: Receive, bodies: BodyReader
) -> GraphQLRequest:
    """Read a request from the parameters of a GET or the body of a POST or QUERY.

    Raises HTTPError: 400 for an invalid request or a repeated parameter or key, 413 for too large a body,
    414 for too large parameters, 415 for anything but plain UTF-8 JSON, 503 if other bodies leave no room.
    """
    method = scope["method"]
    if method != "POST" and method != "QUERY":
        raw = scope["query_string"]
        if len(raw) > bodies.each:
            raise HTTPError(
                414, f"the parameters have more than {bodies.each} bytes: send a POST or QUERY"
            )
        return _parse_cached(raw) if len(raw) <= MAX_CACHED_BYTES else _parse_parameters(raw)
    _check_content_type(headers)
    body = await bodies.read(receive, headers.get(b"content-length", b""))
    return parse(_json(body, "the body"), body if method == "QUERY" else b"")


def parameter_names(scope: Scope) -> set[str]:
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return {name for name, _ in pairs}


def parse(payload: Any, source: bytes = b"") -> GraphQLRequest:
    """The request in parsed JSON; raises MalformedRequest."""
    if not isinstance(payload, dict):
        raise MalformedRequest(
            "a request must be a JSON object with a query; batches are not taken"
        )
    for name in ("variables", "extensions"):
        if not isinstance(payload.get(name), OBJECT_OR_NULL):
            raise MalformedRequest(f"{name} must be a JSON object or null")
    operation_name = payload.get("operationName")
    if not isinstance(operation_name, STRING_OR_NULL):
        raise MalformedRequest("operationName must be a string or null")
    document_id = sha256 = None
    if "documentId" in payload or "extensions" in payload:
        document_id, sha256 = _identifiers(payload)
    query = payload.get("query")
    # graphql-ws sends no request without a query: an empty one stands for none.
    if query in (None, "") and (document_id or sha256):
        query = ""
    elif not isinstance(query, str) or not query:
        raise MalformedRequest("query must be a string with a GraphQL document")
    elif document_id:
        raise MalformedRequest("documentId names the document: send no query with it")
    extensions = payload.get("extensions") or {}
    return GraphQLRequest(
        query,
        payload.get("variables") or {},
        operation_name or None,
        document_id,
        sha256,
        wants_cost=extensions.get("cost") is True,
        idempotency_key=extensions.get("idempotencyKey"),
        operation_id=extensions.get("operationId"),
        source=source,
    )


@lru_cache(MAX_CACHED_GETS)
def _parse_cached(raw: bytes) -> GraphQLRequest:
    # Clients repeat their GETs: to parse the parameters each time took a fifth of a 304.
    return _parse_parameters(raw)


def _parse_parameters(raw: bytes) -> GraphQLRequest:
    return parse(_parameters(raw), raw)


def _parameters(raw: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise HTTPError(400, "the parameters must be UTF-8, percent-encoded") from None
    names = Counter(name for name, _ in pairs)
    for name, times in names.items():
        if times > 1:
            start = name[: strict_json.LONGEST_SHOWN]
            raise HTTPError(400, f"the parameter {start!r} comes {times} times: send it once")
    params: dict[str, Any] = {name: value for name, value in pairs if value}
    for name in ("variables", "extensions"):
        if name in params:
            params[name] = _json(params[name].encode(), name)
    return params


def _check_content_type(headers: Headers) -> None:
    content_type = headers.get(b"content-type", b"")
    if len(content_type) > MAX_CONTENT_TYPE_BYTES or not _is_json(content_type):
        raise HTTPError(415, f"send the request as {JSON} in UTF-8")
    if (
        headers.get(b"content-encoding", b"identity").lower() != b"identity"
        or headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked"
    ):
        raise HTTPError(415, "send the body without a content-encoding")


@lru_cache(256)
def _is_json(content_type: bytes) -> bool:
    media_type, *parameters = content_type.decode("latin-1").lower().split(";")
    pairs = [part.strip().partition("=")[::2] for part in parameters]
    charsets = {value.strip('"') for name, value in pairs if name == "charset"}
    return media_type.strip() == JSON and charsets <= {"utf-8", "utf8"}


def _json(raw: bytes, name: str) -> Any:
    try:
        return strict_json.read(raw)
    except strict_json.RepeatedKey as repeated:
        raise HTTPError(400, f"{name}: {repeated}") from None
    except ValueError as error:
        max_depth = strict_json.DEEPEST
        raise HTTPError(
            400,
            f"{name} must be well-formed JSON in UTF-8, nested {max_depth} deep at most: {error}",
        ) from None


def _identifiers(payload: Mapping[str, Any]) -> tuple[str | None, str | None]:
    document_id = payload.get("documentId")
    persisted = (payload.get("extensions") or {}).get("persistedQuery")
    if document_id is not None and (not isinstance(document_id, str) or not document_id):
        raise MalformedRequest("documentId must be a string that names a document")
    if persisted is None:
        return document_id, None
    if document_id:
        raise MalformedRequest("documentId names the document: send no persistedQuery with it")
    sha256 = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if (
        not isinstance(sha256, str)
        or not _SHA256.fullmatch(sha256)
        or persisted.get("version") != 1
    ):
        raise MalformedRequest(
            "persistedQuery must hold version 1 and a sha256Hash of 64 lower-case digits"
        )
    return None, sha256
