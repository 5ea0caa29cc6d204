"""Trusted documents: loaded at boot from what clients' builds write, and named by their ids."""

import hashlib
import json

import pytest
import pytest_asyncio

from server.app import create_app
from server.setting_fields import InvalidSetting
from server.settings import Settings
from tests.support.services.api import running
from tests.support.services.commands import command_process

RESPONSE_JSON = "application/graphql-response+json"

COUNT = "query Count($first: Int) { actors(first: $first) { totalCount nodes { chittyId } } }"
REGISTER = "mutation Add { registerActor(input: { actorType: HUMAN }) { errors { code } } }"
TWO = "query One { a: __typename } query Two { b: __typename }"
OTHER = "{ other: __typename }"
COSTLY = """{ contexts(first: 100) { nodes { connections(first: 100) { nodes {
    source { ... on Context { connections(first: 100) { nodes { id } } } } } } } } }"""
DOCUMENTS = {"count": COUNT, "add": REGISTER, "x-app:two": TWO}
EMPTY = {"data": {"actors": {"totalCount": 0, "nodes": []}}}


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def hashed(text):
    return {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}


def written(folder, documents, name="documents.json"):
    """A file of documents."""
    file = folder / name
    file.write_text(documents if isinstance(documents, str) else json.dumps(documents))
    return str(file)


@pytest.fixture
async def api(tmp_path):
    """Trusts some documents, and takes others too."""
    async with running(tmp_path / "registry.db", documents=written(tmp_path, DOCUMENTS)) as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory):
    """The same for several tests, which only read."""
    folder = tmp_path_factory.mktemp("shared")
    async with running(folder / "registry.db", documents=written(folder, DOCUMENTS)) as api:
        yield api


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict(tmp_path_factory):
    """Takes trusted documents only; tests only read."""
    folder = tmp_path_factory.mktemp("strict")
    file = written(folder, DOCUMENTS)
    async with running(folder / "registry.db", documents=file, documents_only=True) as api:
        yield api


async def sent(api, **body):
    return (await api.client.post("/graphql", json=body)).json()


def code(answer):
    (error,) = answer["errors"]
    return error["extensions"]["code"]


async def test_a_document_is_named_by_its_id(api):
    posted = await sent(api, documentId="count", variables={"first": 1})
    got = await api.client.get("/graphql", params={"documentId": "count", "variables": "{}"})
    chosen = await sent(api, documentId="x-app:two", operationName="Two")

    assert posted == got.json() == EMPTY
    assert chosen == {"data": {"b": "Query"}}


async def test_a_document_is_named_by_its_hash_too(api):
    by_id = await sent(api, documentId=f"sha256:{sha256(COUNT)}")
    by_extension = await sent(api, extensions=hashed(COUNT))

    assert by_id == by_extension == EMPTY


async def test_an_empty_query_beside_the_name_of_a_document_is_none(api):
    by_id = await sent(api, query="", documentId="count")
    by_hash = await sent(api, query="", extensions=hashed(COUNT))

    assert by_id == by_hash == EMPTY


async def test_other_documents_are_still_executed(api):
    assert await sent(api, query=OTHER) == {"data": {"other": "Query"}}


async def test_an_unknown_id_is_one_error_that_names_it(api):
    plain = await api.client.post("/graphql", json={"documentId": "nothing"})
    accept = {"accept": RESPONSE_JSON}
    strictly = await api.client.post("/graphql", json={"documentId": "nothing"}, headers=accept)

    assert (plain.status_code, strictly.status_code) == (200, 400)
    assert plain.json() == strictly.json()
    assert code(plain.json()) == "DOCUMENT_NOT_FOUND"
    assert "'nothing'" in plain.json()["errors"][0]["message"]


async def test_a_trusted_mutation_must_be_sent_with_post(api):
    answer = await api.client.get("/graphql", params={"documentId": "add"})

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert await sent(api, documentId="count") == EMPTY


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("body", "about"),
    [
        ({"documentId": 5}, "documentId must be a string"),
        ({"documentId": ""}, "documentId must be a string"),
        ({"documentId": ["count"]}, "documentId must be a string"),
        ({"documentId": "count", "query": OTHER}, "send no query"),
        ({"documentId": "count", "query": False}, "query must be a string"),
        ({"query": ""}, "query must be a string"),
        ({"documentId": "count", "extensions": hashed(COUNT)}, "send no persistedQuery"),
        ({"doc_id": "count"}, "query must be a string"),
    ],
)
async def test_a_request_that_does_not_name_one_document_is_malformed(shared, body, about):
    answer = await shared.client.post("/graphql", json=body)

    assert answer.status_code == 400
    assert about in answer.json()["errors"][0]["message"]


async def test_an_answer_is_cached_by_what_the_id_stands_for(api):
    await sent(api, documentId="add")  # after what the server writes as it starts
    first = await api.client.get("/graphql", params={"documentId": "count"})
    held = {"if-none-match": first.headers["etag"]}

    same = await api.client.get("/graphql", params={"documentId": "count"}, headers=held)
    await sent(api, documentId="add")
    other = await api.client.get("/graphql", params={"documentId": "count"}, headers=held)

    assert [same.status_code, other.status_code] == [304, 200]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "body",
    [
        {"query": OTHER},
        {"query": COUNT + " "},
        {"query": "{ __schema { types { name } } }"},
        {"query": "{"},
        {"query": OTHER, "extensions": hashed(OTHER)},
        {"extensions": hashed(OTHER)},
    ],
    ids=["text", "nearly trusted", "introspection", "no document", "registering", "a hash"],
)
async def test_with_documents_only_all_other_documents_are_refused(strict, body):
    for _ in range(2):
        assert code(await sent(strict, **body)) == "DOCUMENT_NOT_TRUSTED"


@pytest.mark.asyncio(loop_scope="module")
async def test_with_documents_only_trusted_documents_are_executed_however_they_are_sent(strict):
    answers = [
        await sent(strict, documentId="count"),
        await sent(strict, documentId=f"sha256:{sha256(COUNT)}"),
        await sent(strict, extensions=hashed(COUNT)),
        await sent(strict, query=COUNT, extensions=hashed(COUNT)),
        await sent(strict, query=COUNT),
    ]

    assert answers == [EMPTY] * 5


@pytest.mark.parametrize(
    ("documents", "about"),
    [
        ("{", "JSON"),
        ("", "JSON"),
        ('{"a": "\ud800"}'.encode("ascii", "backslashreplace").decode(), "JSON"),
        ("[]", "object"),
        ({"a": 5}, "object"),
        ({"a": {"text": COUNT}}, "object"),
        ({"broken": "{ actors"}, "'broken' is not valid here: Syntax Error"),
        ({"empty": ""}, "'empty' is not valid here: Syntax Error"),
        ({"costly": COSTLY}, "'costly' is not valid here: the operation costs 1020100 "),
        ({"unknown": "{\n nothing\n}"}, "'unknown' is not valid here: Cannot query field"),
        ({"unknown": "{\n nothing\n}"}, "(line 2)"),
        (
            {"deep": "{ viewer " + "{ actor { contexts { nodes { owner " * 6 + "{ id }" + "}" * 25},
            "'deep'",
        ),
        ({sha256(COUNT): OTHER}, "is a sha256 of another text"),
        ({f"sha256:{sha256(COUNT)}": OTHER}, "is a sha256 of another text"),
        ({"sha256:5": OTHER}, "is a sha256 of another text"),
        ({hashlib.sha1(COUNT.encode()).hexdigest(): OTHER}, "is a sha1 of another text"),
        ({hashlib.md5(COUNT.encode()).hexdigest(): OTHER}, "is a md5 of another text"),
    ],
)
def test_an_invalid_file_is_refused_at_boot(tmp_path, documents, about):
    file = written(tmp_path, documents)

    with pytest.raises(InvalidSetting) as refused:
        create_app(Settings(database=str(tmp_path / "registry.db"), documents=file))

    assert str(refused.value).startswith(f"CHITTYGRAPH_DOCUMENTS: {file}")
    assert about in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidSetting, match=r"nowhere\.json.*No such file"):
        create_app(Settings(documents=str(tmp_path / "nowhere.json")))


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
async def test_an_id_may_be_the_hash_of_its_document(tmp_path, algorithm):
    id_ = hashlib.new(algorithm, COUNT.encode()).hexdigest()
    file = written(tmp_path, {id_: COUNT})

    async with running(tmp_path / "registry.db", documents=file) as api:
        assert await sent(api, documentId=id_) == EMPTY


async def test_several_files_are_one_list_in_which_an_id_has_one_meaning(tmp_path):
    one, two = (
        written(tmp_path, {"a": COUNT}, "one.json"),
        written(tmp_path, {"b": OTHER}, "two.json"),
    )
    async with running(tmp_path / "registry.db", documents=f"{one}, {two}") as api:
        assert await sent(api, documentId="a") == EMPTY
        assert await sent(api, documentId="b") == {"data": {"other": "Query"}}

    three = written(tmp_path, {"a": OTHER}, "three.json")
    with pytest.raises(InvalidSetting, match=r"three\.json: document 'a' is another one"):
        create_app(Settings(documents=f"{one},{three}"))


def test_the_documents_are_checked_before_anything_is_written(tmp_path):
    file = written(tmp_path, {"unknown": "{ nothing }"})
    database = tmp_path / "registry.db"

    served = command_process("serve", "--database", database, "--documents", file, "--port", "0")

    assert (served.returncode, served.stdout, served.stderr.count("\n")) == (2, "", 1)
    assert f"{file}: document 'unknown'" in served.stderr
    assert not database.exists()


def test_only_trusted_documents_without_any_is_refused():
    with pytest.raises(InvalidSetting, match="CHITTYGRAPH_DOCUMENTS names no file"):
        Settings(documents_only=True)
