"""Instants that clients send: exact to the millisecond in whatever offset, or refused."""

import pytest
import pytest_asyncio

from tests.support.registries.databases import demo_registry
from tests.support.services.api import running

pytestmark = pytest.mark.asyncio(loop_scope="module")

MORE = "a DateTime is exact to the millisecond: send at most three digits after the point"
FINER = [
    "2026-01-01T00:00:00.0005Z",
    "2026-01-01T00:00:00.1234567891Z",
    "2026-01-01T00:00:00.000000001Z",
    "2026-01-01T01:00:00.0005+01:00",
    "2026-01-01 00:00:00.9999z",
]
EXACT = {
    "2026-01-01T00:00:00.001000Z": "2026-01-01T00:00:00.001Z",
    "2026-01-01T00:00:00.000000000Z": "2026-01-01T00:00:00.000Z",
    "2026-01-01T01:00:00.25+01:00": "2026-01-01T00:00:00.250Z",
    "2026-01-01T00:00:00Z": "2026-01-01T00:00:00.000Z",
}
# Every argument that takes an instant: the input object that it lies in, and where.
CONNECTION = '"00000000-0000-4000-8000-000000000001"'
ARGUMENTS = {
    "a filter": "{ actors(filter: { createdAt: { gte: %s } }) { totalCount } }",
    "a negation": "{ actors(filter: { not: { lastSeenAt: { lt: %s } } }) { totalCount } }",
    "a filter of a relation": (
        "{ contexts(filter: { owner: { updatedAt: { gt: %s } } }) { totalCount } }"
    ),
    "a filter of a nested page": (
        "{ actors { nodes { contexts(filter: { createdAt: { lte: %s } }) { totalCount } } } }"
    ),
    "ifUpdatedAt": (
        f"mutation {{ disconnect(input: {{ connectionId: {CONNECTION}, ifUpdatedAt: %s }})"
        " { errors { path } } }"
    ),
    "checkedAt": (
        "mutation { reportConnectionHealth("
        f"input: {{ connectionId: {CONNECTION}, healthy: true, checkedAt: %s }})"
        " { errors { path } } }"
    ),
    "installedAt": (
        'mutation { recordInstallation(input: { installationId: 5, accountId: 5, accountLogin: "a",'
        " accountType: USER, repositorySelection: ALL, installedAt: %s }) { errors { path } } }"
    ),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return demo_registry(tmp_path_factory.mktemp("instants") / "registry.db")


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[False, True], ids=["generic", "compiled"]
)
async def api(path, request):
    async with running(path, compiled=request.param) as api:
        yield api


def with_variable(query):
    """The same operation with the instant in a variable."""
    operation = query if query.startswith("mutation") else f"query {query}"
    kind, rest = operation.split(" ", 1)
    return f"{kind} ($at: DateTime) {rest % '$at'}"


@pytest.mark.parametrize("argument", ARGUMENTS.values(), ids=ARGUMENTS)
async def test_an_instant_finer_than_a_millisecond_is_refused_everywhere(api, argument):
    written = await api.post(argument % f'"{FINER[0]}"')
    sent = await api.post(with_variable(argument), at=FINER[0])

    assert [error["message"] for error in written["errors"]] == [MORE]
    assert [error["message"] for error in sent["errors"]] == [
        f"Variable '$at' has invalid value: {MORE}"
    ]
    assert "data" not in written
    assert "data" not in sent


async def test_a_part_of_a_millisecond_is_refused_in_every_spelling(api):
    for finer in FINER:
        answer = await api.post(with_variable(ARGUMENTS["a filter"]), at=finer)

        assert [error["message"] for error in answer["errors"]] == [
            f"Variable '$at' has invalid value: {MORE}"
        ]


async def test_zeros_after_the_milliseconds_change_nothing(api):
    for argument in (ARGUMENTS["a filter"], ARGUMENTS["installedAt"]):
        for sent, same in EXACT.items():
            answers = [
                await api.post(with_variable(argument), at=sent),
                await api.post(argument % f'"{sent}"'),
                await api.post(with_variable(argument), at=same),
            ]

            assert "errors" not in answers[0]
            assert [answer["data"] for answer in answers[1:]] == [answers[0]["data"]] * 2


async def test_the_finer_instants_of_a_filter_in_a_variable_are_named_by_their_places(api):
    answer = await api.post(
        "query ($filter: ActorFilter) { actors(filter: $filter) { totalCount } }",
        filter={"or": [{"createdAt": {"gt": FINER[0]}}]},
    )

    (error,) = answer["errors"]
    assert error["message"] == (
        f"Variable '$filter' has invalid value at .or[0].createdAt.gt: {MORE}"
    )
