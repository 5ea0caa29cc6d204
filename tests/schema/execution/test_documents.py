"""Documents are parsed and validated once, while what is kept of them stays within bounds."""

import pytest

from schema.errors import RequestRefused
from schema.execution.documents import MAX_CACHED_CHARACTERS, MAX_CACHED_DOCUMENTS, Documents

ASK = "{ __typename }"


@pytest.fixture
def documents():
    return Documents(introspection=True)


def test_a_repeated_document_is_prepared_once(documents):
    first = documents.prepare(ASK)

    assert documents.prepare(ASK) is first


def test_the_least_recently_used_document_is_evicted_first(documents):
    first, second = documents.prepare(ASK), documents.prepare(ASK + " ")
    for n in range(MAX_CACHED_DOCUMENTS - 1):
        documents.prepare(ASK)
        documents.prepare(f"{{ a{n}: __typename }}")

    assert documents.prepare(ASK) is first
    assert documents.prepare(ASK + " ") is not second


def test_a_few_large_documents_evict_the_others_too(documents):
    first = documents.prepare(ASK)
    for n in range(6):
        documents.prepare(f"{{ a{n}: __typename }}" + "," * (MAX_CACHED_CHARACTERS // 6))

    assert documents.prepare(ASK) is not first


def test_an_invalid_document_is_not_cached(documents):
    for _ in range(2):
        with pytest.raises(RequestRefused) as refused:
            documents.prepare("{ nothing }")
        assert refused.value.code == "INVALID_DOCUMENT"
