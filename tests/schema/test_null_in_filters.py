"""Null in a filter is refused wherever it stands, by both executions; an absent part is absent."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLInputObjectType, get_named_type, get_nullable_type, is_list_type

from db.model.tables import ACTORS, CONNECTIONS, CONTEXTS, TABLES
from tests.support.expectations.printed_schema import PRINTED
from tests.support.registries.databases import demo_registry
from tests.support.services.api import Api, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_registry(tmp_path_factory.mktemp("null") / "registry.db")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apis(path: Path) -> AsyncIterator[tuple[Api, Api]]:
    """Two services over one registry: generic and compiled execution."""
    async with running(path, compiled=False) as generic, running(path) as compiled:
        yield generic, compiled


async def answer(apis: tuple[Api, Api], query: str, /, **variables: Any) -> dict[str, Any]:
    """What both executions answer, which is the same."""
    one, other = [await api.post(query, **variables) for api in apis]
    for each in (one, other):
        each.pop("extensions", None)
    assert one == other
    return one


async def total(apis: tuple[Api, Api], query: str, /, **variables: Any) -> int:
    found = await answer(apis, query, **variables)
    assert "errors" not in found, found["errors"]
    (page,) = found["data"].values()
    return int(page["totalCount"])


def refused(found: dict[str, Any], name: str, path: list[str]) -> None:
    """Check that a filter was refused for the null that has this name."""
    (error,) = found["errors"]
    assert error["extensions"]["code"] == "BAD_FILTER"
    assert error["path"] == path
    assert error["message"] == (
        f"{name} is null in a filter: leave it out, or use isNull to find null"
    )


def nulls() -> Iterator[Any]:
    """A null in every field of every filter, and in every operator of every kind of field."""
    seen: set[str] = set()
    for table in TABLES:
        fields = inputs(f"{table.row.__name__}Filter")
        for name, type_ in fields.items():
            yield pytest.param(table.name, {name: None}, name, id=f"{table.name}.{name}")
            kind = get_named_type(type_)
            if kind.name in seen or is_list_type(get_nullable_type(type_)) or "and" in inputs(kind):
                continue
            seen.add(kind.name)
            for operator in inputs(kind):
                given = {name: {operator: None}}
                yield pytest.param(table.name, given, operator, id=f"{kind.name}.{operator}")


def inputs(type_: Any) -> dict[str, Any]:
    found = PRINTED.type_map[type_] if isinstance(type_, str) else type_
    assert isinstance(found, GraphQLInputObjectType)
    return {name: field.type for name, field in found.fields.items()}


@pytest.mark.parametrize(("listed", "given", "name"), list(nulls()))
async def test_a_null_in_any_place_of_a_filter_is_refused_by_its_name(apis, listed, given, name):
    kind = {table.name: table.row.__name__ for table in TABLES}[listed]
    query = f"query ($filter: {kind}Filter) {{ {listed}(filter: $filter) {{ totalCount }} }}"

    found = await answer(apis, query, filter=given)

    assert found["data"] == {listed: None}
    refused(found, name, [listed])


LITERALS = {
    "or": "or: null",
    "not": "not: null",
    "actorType": "actorType: null",
    "some": "contexts: { some: null }",
    "eq": "email: { eq: null }",
    "in": "status: { in: null }",
    "none": "not: { contexts: { none: null } }",
    "displayName": "and: [{}, { or: [{ displayName: null }] }]",
    "owner": "contexts: { some: { owner: null } }",
}


@pytest.mark.parametrize(("name", "written"), LITERALS.items(), ids=LITERALS)
async def test_a_null_that_is_written_in_the_document_is_refused(apis, name, written):
    found = await answer(apis, f"{{ actors(filter: {{ {written} }}) {{ totalCount }} }}")

    refused(found, name, ["actors"])


# The type of a variable, a filter with it, and what the filter is without it.
NESTED = {
    "or": ("[ActorFilter!]", "or: $v", ""),
    "not": ("ActorFilter", "not: $v", ""),
    "actorType": ("ActorTypeFilter", "actorType: $v", ""),
    "some": ("ContextFilter", "contexts: { some: $v }", ""),
    "contexts": ("ContextsMatch", "not: { contexts: $v }", "not: {}"),
    "eq": ("String", "or: [{ email: { eq: $v } }]", ""),
    "in": ("[ActorStatus!]", "status: { in: $v }", "status: {}"),
    "gte": ("DateTime", "createdAt: { gte: $v }", ""),
    "isNull": ("Boolean", "email: { isNull: $v }", ""),
}


@pytest.mark.parametrize(("name", "type_", "given", "left"), [(k, *v) for k, v in NESTED.items()])
async def test_a_variable_in_a_filter_may_be_absent_but_not_null(apis, name, type_, given, left):
    query = f"query ($v: {type_}) {{ actors(filter: {{ {given} }}) {{ totalCount }} }}"
    defaulting = query.replace(")", " = null)", 1)

    refused(await answer(apis, query, v=None), name, ["actors"])
    refused(await answer(apis, defaulting), name, ["actors"])
    assert await total(apis, query) == await total(
        apis, f"{{ actors(filter: {{ {left} }}) {{ totalCount }} }}"
    )


@pytest.mark.parametrize("item", ["[$v]", "[null]"])
@pytest.mark.parametrize("field", ["or: {}", "and: {}", "status: {{ in: {} }}"])
async def test_a_list_of_a_filter_takes_no_null(apis, field, item):
    filter_ = field.format(item)
    type_ = "ActorStatus" if "status" in field else "ActorFilter"
    declared = f"query ($v: {type_})" if "$v" in item else ""

    found = await answer(apis, f"{declared} {{ actors(filter: {{ {filter_} }}) {{ totalCount }} }}")

    assert {error["extensions"]["code"] for error in found["errors"]} == {"INVALID_DOCUMENT"}


@pytest.mark.parametrize("given", [{"or": [None]}, {"and": [{}, None]}, {"status": {"in": [None]}}])
async def test_a_list_of_a_filter_in_a_variable_takes_no_null(apis, given):
    query = "query ($filter: ActorFilter) { actors(filter: $filter) { totalCount } }"

    found = await answer(apis, query, filter=given)

    assert {error["extensions"]["code"] for error in found["errors"]} == {"BAD_VARIABLES"}


async def test_the_null_of_a_nested_page_is_refused_for_each_of_its_pages(apis):
    found = await answer(
        apis, "{ actors(first: 2) { nodes { contexts(filter: { or: null }) { totalCount } } } }"
    )

    assert found["data"] == {"actors": None}
    assert {error["extensions"]["code"] for error in found["errors"]} == {"BAD_FILTER"}


@pytest.mark.parametrize("table", [ACTORS, CONTEXTS, CONNECTIONS], ids=lambda table: table.name)
async def test_a_whole_filter_or_ordering_that_is_null_is_none(apis, table):
    kind, name = table.row.__name__, table.name
    query = (
        f"query ($filter: {kind}Filter, $order: [{kind}Order!])"
        f" {{ {name}(filter: $filter, orderBy: $order) {{ totalCount nodes {{ id }} }} }}"
    )

    assert await answer(apis, query, filter=None, order=None) == await answer(apis, query)


@pytest.mark.parametrize(
    ("type_", "order"),
    [
        ("OrderDirection", "[{ field: NAME, direction: $v }]"),
        ("OrderDirection", "{ field: NAME, direction: $v }"),
        ("OrderDirection = null", "[{ field: CREATED_AT }, { field: NAME, direction: $v }]"),
    ],
)
async def test_a_null_in_an_ordering_is_refused_and_an_absent_direction_is_ascending(
    apis, type_, order
):
    query = f"query ($v: {type_}) {{ contexts(orderBy: {order}) {{ nodes {{ name }} }} }}"

    found = await answer(apis, query, v=None)
    ascending = await answer(apis, query.replace(" = null", ""))

    (error,) = found["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("BAD_VALUE", ["contexts"])
    assert ascending == await answer(apis, query.replace(" = null", ""), v="ASC")
