"""Documents are parsed and validated once, while what is kept of them stays within bounds."""

import pytest

from schema.errors import RequestRefused
from schema.execution.documents import CHARACTERS_KEPT, DOCUMENTS_KEPT, Documents

ASK = "{ __typename }"


@pytest.fixture
def documents():
    return Documents(introspection=True)


def test_a_document_that_comes_again_is_not_prepared_again(documents):
    first = documents.prepare(ASK)

    assert documents.prepare(ASK) is first


def test_the_document_that_was_not_used_for_longest_goes_first(documents):
    first, second = documents.prepare(ASK), documents.prepare(ASK + " ")
    for n in range(DOCUMENTS_KEPT - 1):
        documents.prepare(ASK)
        documents.prepare(f"{{ a{n}: __typename }}")

    assert documents.prepare(ASK) is first
    assert documents.prepare(ASK + " ") is not second


def test_few_large_documents_push_the_others_out_too(documents):
    first = documents.prepare(ASK)
    for n in range(6):
        documents.prepare(f"{{ a{n}: __typename }}" + "," * (CHARACTERS_KEPT // 6))

    assert documents.prepare(ASK) is not first


def test_a_document_that_was_refused_is_refused_again(documents):
    for _ in range(2):
        with pytest.raises(RequestRefused) as refused:
            documents.prepare("{ nothing }")
        assert refused.value.code == "INVALID_DOCUMENT"
