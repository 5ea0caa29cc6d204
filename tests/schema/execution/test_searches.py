"""Searches are executed on plans, with the bytes of generic execution."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.db.queries.test_search import WANTED, add
from tests.schema.execution.test_walks import Both
from tests.support.services.api import running

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUERY = """
query ($text: String!, $kinds: [NodeKind!], $first: Int, $after: String, $with: Boolean!) {
  __typename
  search(text: $text, kinds: $kinds, first: $first, after: $after) {
    __typename
    edges {
      highlight
      node { ...all }
      again: node { id ... on Service { connections(first: 1) { totalCount } } }
      field
      __typename
      cursor
    }
    nodes @include(if: $with) { ...all }
    totalCount
    pageInfo { __typename endCursor startCursor hasPreviousPage hasNextPage }
  }
  alone: search(text: "o") { totalCount }
}
fragment all on Node {
  __typename
  id
  ... on Actor { displayName email contexts(first: 2) { totalCount nodes { name owner { id } } } }
  ... on Context { name data owner { displayName } }
  ... on Installation { accountLogin suspendedBy { id } }
  ... on Connection { targetService source { ... on Context { name } ... on Actor { email } } }
  ... on Service { name stats { total } }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Both]:
    path: Path = tmp_path_factory.mktemp("searches") / "registry.db"
    async with AsyncExitStack() as stack:
        apis = [
            await stack.enter_async_context(running(path, compiled=compiled))
            for compiled in (True, False)
        ]
        await add(apis[0], random.Random(11))
        yield Both(*apis)


@pytest.mark.parametrize("kinds", [None, ["SERVICE", "ACTOR"], []])
async def test_searches_are_the_same_on_both_paths(both: Both, kinds):
    for number, text in enumerate([*WANTED, "", "octo\0"]):
        sent: dict[str, Any] = {"text": text, "kinds": kinds, "with": bool(number % 2)}
        await both.same(QUERY, **sent, first=number + 1)


async def test_later_pages_are_the_same_on_both_paths(both: Both):
    after, pages = None, 0
    while True:
        sent: dict[str, Any] = {"text": "o", "first": 6, "after": after, "with": True}
        await both.same(QUERY, **sent)
        page = (await both.compiled.ask(QUERY, **sent))["search"]["pageInfo"]
        after, pages = page["endCursor"], pages + 1
        if not page["hasNextPage"]:
            break

    assert pages > 2


@pytest.mark.parametrize("text", ["a" * 201, "a b c d e f g h i"])
async def test_what_is_refused_is_refused_alike(both: Both, text: str):
    query = "query ($text: String!) { search(text: $text) { totalCount } actors { totalCount } }"

    answers = [await api.post(query, text=text) for api in (both.compiled, both.generic)]

    assert answers[0] == answers[1]
    assert answers[0]["errors"][0]["extensions"]["code"] == "BAD_SEARCH"
    assert answers[0]["errors"][0]["path"] == ["search"]
