"""The schema says which fields are null on error only, for clients that handle errors themselves."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLObjectType, build_schema, is_non_null_type

from db.model.services import SERVICES
from db.model.tables import CHANGES, TABLES
from schema import built, semantic_nullability
from schema.fields.sources import CurrentViewer, Made, NamedServices, PagedList
from tests.support.registries.permissions import registry
from tests.support.services.api import running

DIRECTIVE = " @semanticNonNull"
LISTS = [table.name for table in (*TABLES, SERVICES, CHANGES)]
SEMANTIC = build_schema(semantic_nullability.sdl())
EVERY_ROOT = (
    "{ viewer { __typename } "
    + " ".join(f"{name} {{ totalCount }}" for name in LISTS)
    + " registryStats { actors } }"
)


def marked() -> list[tuple[str, str]]:
    """The fields that have the directive, by type and name."""
    return [
        (type_.name, name)
        for type_ in SEMANTIC.type_map.values()
        if isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items()
        if field.ast_node and [each.name.value for each in field.ast_node.directives or ()]
    ]


def declared(type_name: str, name: str) -> Any:
    type_: Any = built.GRAPHQL.type_map[type_name]
    return type_.fields[name]


def test_nothing_differs_from_the_schema_but_the_directive_and_its_definition():
    definition, _, rest = semantic_nullability.sdl().partition("\n\n")

    assert rest.replace(DIRECTIVE, "") == built.sdl()
    assert definition.endswith(
        "\ndirective @semanticNonNull(levels: [Int!]! = [0]) on FIELD_DEFINITION"
    )


def test_the_viewer_and_the_lists_of_everything_are_null_on_error_only():
    others = {"viewer", "registryStats"}

    assert set(marked()) == {("Query", name) for name in (*LISTS, *others)}
    for type_name, name in marked():
        field = declared(type_name, name)
        definition = field.extensions["strawberry-definition"]
        assert isinstance(
            definition.metadata["source"], PagedList | NamedServices | CurrentViewer | Made
        )
        assert not is_non_null_type(field.type)


async def test_they_have_a_value_for_a_viewer_who_may_see_nothing_and_in_an_empty_registry(
    tmp_path: Path,
):
    answers = []
    async with registry(tmp_path) as (me, _):
        answers.append(await me.ask(EVERY_ROOT))
    for compiled in (True, False):
        async with running(tmp_path / f"{compiled}.db", compiled=compiled) as api:
            answers.append(await api.ask(EVERY_ROOT))

    for answer in answers:
        assert answer.keys() == {name for _, name in marked()}
        assert None not in answer.values()


@pytest.mark.parametrize("compiled", [False, True], ids=["generic", "compiled"])
async def test_an_error_below_nulls_its_field_and_leaves_the_others(tmp_path: Path, compiled: bool):
    document = "{ actors(first: -1) { totalCount } contexts { totalCount } }"
    async with running(tmp_path / "registry.db", compiled=compiled) as api:
        answer = await api.post(document)

    assert answer["data"] == {"actors": None, "contexts": {"totalCount": 0}}
    assert [error["path"][0] for error in answer["errors"]] == ["actors"]


async def test_it_is_served_beside_the_schema_of_executions(tmp_path: Path):
    async with running(tmp_path / "registry.db") as api:
        plain = await api.client.get("/schema.graphql")
        semantic = await api.client.get("/schema.graphql?nullability=semantic")

    assert plain.text == built.sdl()
    assert (semantic.status_code, semantic.text) == (200, semantic_nullability.sdl())


@pytest.mark.parametrize("value", ["", "strict", "Semantic", "semantic%20"])
async def test_any_other_nullability_is_refused_with_the_one_that_there_is(
    tmp_path: Path, value: str
):
    async with running(tmp_path / "registry.db") as api:
        answer = await api.client.get(f"/schema.graphql?nullability={value}")

    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        [
            {
                "message": "nullability must be semantic, or be left out",
                "extensions": {"code": "BAD_REQUEST"},
            }
        ],
    )


async def test_a_nullability_that_is_there_twice_is_refused(tmp_path: Path):
    async with running(tmp_path / "registry.db") as api:
        answer = await api.client.get("/schema.graphql?nullability=semantic&nullability=semantic")

    assert (answer.status_code, answer.json()["errors"][0]["message"]) == (
        400,
        "the parameter 'nullability' comes 2 times: send it once",
    )
