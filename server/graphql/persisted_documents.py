"""Persisted documents, which clients name instead of sending them.

Trusted documents come from files that clients' builds write, and have a `documentId` (GraphQL over HTTP,
appendix on persisted documents). Clients may register others by SHA-256 (Apollo's automatic persisted
queries).
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from cachetools import LRUCache

from db.model import strict_json
from schema.errors import RequestRefused
from schema.execution.documents import Documents
from server.graphql.request import GraphQLRequest
from server.setting_fields import InvalidSetting, variable
from server.settings import Settings

MAX_REGISTERED = 1_000
MAX_CHARACTERS = 1_000_000
SHA256 = "sha256:"
# Ids that are hashes, by their length in hexadecimal digits: what Relay's compiler offers.
HASHES = {32: "md5", 40: "sha1", 64: "sha256"}


class PersistedDocuments:
    def __init__(self, documents: Documents, by_id: dict[str, str], *, trusted_only: bool) -> None:
        self._documents = documents
        self._by_id = by_id
        self._by_hash = {_sha256(text): text for text in by_id.values()}
        self._trusted_only = trusted_only
        self._registered: LRUCache[str, str] = LRUCache(MAX_CHARACTERS, _weight)

    def document(self, request: GraphQLRequest) -> str:
        """The document's text, which is registered if it comes with its hash; raises RequestRefused."""
        if request.document_id is not None:
            return self._by_document_id(request.document_id)
        if request.sha256 is not None:
            return self._by_sha256(request.sha256, request.query)
        if self._trusted_only and _sha256(request.query) not in self._by_hash:
            raise _not_trusted("the document is none of the trusted ones: name one in documentId")
        return request.query

    def take_registered(self, predecessor: "PersistedDocuments") -> None:
        self._registered = predecessor._registered

    def _by_document_id(self, id_: str) -> str:
        text = self._by_id.get(id_)
        if text is None and id_.startswith(SHA256):
            text = self._find_by_hash(id_.removeprefix(SHA256))
        if text is None:
            raise RequestRefused.because(
                "DOCUMENT_NOT_FOUND",
                f"no document here has the id {id_[:100]!r}: it is in none of the server's files",
            )
        return text

    def _by_sha256(self, sha256: str, text: str) -> str:
        known = self._find_by_hash(sha256)
        if known is None and self._trusted_only:
            raise _not_trusted(f"no trusted document has the hash {sha256}")
        if not text:
            if known is None:
                # Apollo's clients look for this code, and older ones for this message.
                raise RequestRefused.because("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
            return known
        if _sha256(text) != sha256:
            raise RequestRefused.because(
                "PERSISTED_QUERY_MISMATCH",
                f"the hash of the query is {_sha256(text)}, not {sha256}: send the one or the other",
            )
        if known is None:
            self._register(sha256, text)
        return text

    def _find_by_hash(self, sha256: str) -> str | None:
        return self._registered.get(sha256) or self._by_hash.get(sha256)

    def _register(self, sha256: str, text: str) -> None:
        self._documents.prepare(text)  # raises RequestRefused for an invalid one
        if len(text) <= MAX_CHARACTERS:
            self._registered[sha256] = text


def _weight(text: str) -> int:
    """A document's share of MAX_CHARACTERS, large enough to keep MAX_REGISTERED at most."""
    return max(len(text), MAX_CHARACTERS // MAX_REGISTERED)


def load(settings: Settings, documents: Documents) -> PersistedDocuments:
    """Load and check trusted documents; raises InvalidSetting, naming the file, the id and the problem."""
    by_id: dict[str, str] = {}
    for path in settings.document_files:
        for id_, text in _read(path):
            where = f"{path}: document {id_!r}"
            if by_id.setdefault(id_, text) != text:
                raise _invalid(f"{where} is another one than in the files before")
            _check(where, id_, text, documents)
    return PersistedDocuments(documents, by_id, trusted_only=settings.documents_only)


def _read(path: Path) -> Iterable[tuple[str, str]]:
    try:
        documents = strict_json.read(path.read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise _invalid(f"{path} cannot be read as JSON in UTF-8: {why}") from None
    if not isinstance(documents, dict) or not all(
        isinstance(text, str) for text in documents.values()
    ):
        raise _invalid(f"{path} must be a JSON object that gives each id its document's text")
    return documents.items()


def _check(where: str, id_: str, text: str, documents: Documents) -> None:
    algorithm, hash_ = _parse_hash(id_)
    if (
        algorithm
        and hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest() != hash_
    ):
        raise _invalid(
            f"{where} is not what its id says, which is a {algorithm} of another text:"
            " let the client's build write the file anew"
        )
    try:
        for operation in documents.prepare(text).operations.values():
            if operation.cost and isinstance(operation.cost.amount, int):  # else variables decide
                documents.check_cost(operation, {})
    except RequestRefused as refused:
        error = refused.errors[0]
        place = f" (line {error.locations[0].line})" if error.locations else ""
        raise _invalid(f"{where} is not valid here: {error.message}{place}") from None


def _parse_hash(id_: str) -> tuple[str | None, str]:
    if id_.startswith(SHA256):
        return "sha256", id_.removeprefix(SHA256)
    return HASHES.get(len(id_)) if re.fullmatch(r"[0-9a-f]+", id_) else None, id_


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _invalid(message: str) -> InvalidSetting:
    return InvalidSetting(f"{variable('documents')}: {message}")


def _not_trusted(message: str) -> RequestRefused:
    return RequestRefused.because("DOCUMENT_NOT_TRUSTED", message)
