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


@pytest.mark.parametrize("wrong", [19, 20, 300])
def test_of_many_errors_in_a_document_twenty_are_reported_and_the_last_says_that_there_are_more(
    documents, wrong
):
    fields = " ".join(f"x{number}" for number in range(wrong))

    with pytest.raises(RequestRefused) as refused:
        documents.prepare("{ viewer {" + fields + "} }")

    messages = [error["message"] for error in refused.value.formatted()]
    assert len(messages) == min(wrong, 20)
    assert (messages[-1] == "there are more errors: correct these first") == (wrong > 19)


@pytest.mark.parametrize(
    ("document", "messages"),
    [
        ("{ __typename " + "@a" * 10 + " }", ["Unknown directive '@a'."]),
        ("{ a: __typename @a @b b: __typename @a @b }", ["Unknown directive '@{}'.", "'@b'"]),
        ("query @skip(if: true) { __typename }", ["Directive '@skip' may not be used on query."]),
    ],
)
def test_an_unknown_directive_is_one_error_however_often_it_stands(documents, document, messages):
    with pytest.raises(RequestRefused) as refused:
        documents.prepare(document)

    found = [error["message"] for error in refused.value.formatted()]
    assert len(found) == len(messages)
    assert messages[-1] in found[-1]


@pytest.mark.parametrize("wrong", [5, 6, 200])
def test_of_wrong_values_in_a_document_only_the_first_are_reported(documents, wrong):
    literal = " ".join(f"x{number}: 1" for number in range(wrong))

    with pytest.raises(RequestRefused) as refused:
        documents.prepare("{ contexts(filter: {" + literal + "}) { totalCount } }")

    messages = [error["message"] for error in refused.value.formatted()]
    assert len(messages) == min(wrong, 6)
    assert (messages[-1] == "there are more errors: correct these first") == (wrong > 5)
