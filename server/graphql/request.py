"""GraphQL requests as clients send them, read strictly."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from db.model import strict_json
from server.http import bounded_body
from server.http.errors import HTTPError

JSON = "application/json"
MAX_CACHED_GETS, MAX_CACHED_BYTES = 500, 4_000  # requests by GET, and the parameters of one
_BODY_HEADERS = frozenset({b"content-type", b"content-encoding", b"transfer-encoding"})
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


async def read(scope: Scope, receive: Receive, max_bytes: int) -> GraphQLRequest:
    """Read a request from the parameters of a GET or the body of a POST.

    Raises HTTPError: 400 for an invalid request or a repeated parameter or key, 413 for too large a body,
    414 for too large parameters, 415 for anything but plain UTF-8 JSON.
    """
    if scope["method"] != "POST":
        raw = scope["query_string"]
        if len(raw) > max_bytes:
            raise HTTPError(414, f"the parameters have more than {max_bytes} bytes: send a POST")
        return _parse_cached(raw) if len(raw) <= MAX_CACHED_BYTES else parse(_parameters(raw))
    headers = dict(scope["headers"])
    if len(headers) < len(scope["headers"]):
        headers = _combine(scope["headers"])
    _check_content_type(headers)
    body = await bounded_body.of_request(receive, headers.get(b"content-length", b""), max_bytes)
    return parse(_json(body, "the body"))


def has_document(scope: Scope) -> bool:
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return any(name in ("query", "documentId", "extensions") for name, _ in pairs)


def parse(payload: Any) -> GraphQLRequest:
    """The request in parsed JSON; raises HTTPError (400)."""
    if not isinstance(payload, Mapping):
        raise HTTPError(400, "a request must be a JSON object with a query; batches are not taken")
    for name in ("variables", "extensions"):
        if not isinstance(payload.get(name), dict | None):
            raise HTTPError(400, f"{name} must be a JSON object or null")
    operation_name = payload.get("operationName")
    if not isinstance(operation_name, str | None):
        raise HTTPError(400, "operationName must be a string or null")
    document_id = sha256 = None
    if "documentId" in payload or "extensions" in payload:
        document_id, sha256 = _identifiers(payload)
    query = payload.get("query")
    if query is None and (document_id or sha256):
        query = ""
    elif not isinstance(query, str) or not query:
        raise HTTPError(400, "query must be a string with a GraphQL document")
    elif document_id:
        raise HTTPError(400, "documentId names the document: send no query with it")
    return GraphQLRequest(
        query,
        payload.get("variables") or {},
        operation_name or None,
        document_id,
        sha256,
        wants_cost=(payload.get("extensions") or {}).get("cost") is True,
    )


@lru_cache(MAX_CACHED_GETS)
def _parse_cached(raw: bytes) -> GraphQLRequest:
    # Clients repeat their GETs: to parse the parameters each time took a fifth of a 304.
    return parse(_parameters(raw))


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


def _combine(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name; repeated ones that describe the body become a list (RFC 9110, section 5.3)."""
    by_name = dict(headers)
    for name in _BODY_HEADERS & by_name.keys():
        by_name[name] = b", ".join(value for each, value in headers if each == name)
    return by_name


def _check_content_type(headers: Mapping[bytes, bytes]) -> None:
    if not _is_json(headers.get(b"content-type", b"")):
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
        raise HTTPError(400, "documentId must be a string that names a document")
    if persisted is None:
        return document_id, None
    if document_id:
        raise HTTPError(400, "documentId names the document: send no persistedQuery with it")
    sha256 = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if (
        not isinstance(sha256, str)
        or not _SHA256.fullmatch(sha256)
        or persisted.get("version") != 1
    ):
        raise HTTPError(
            400, "persistedQuery must hold version 1 and a sha256Hash of 64 lower-case digits"
        )
    return None, sha256
