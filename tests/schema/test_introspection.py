"""The schema, and its names in errors, are shown only if introspection is allowed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import strawberry
from graphql import build_client_schema, get_introspection_query, parse, print_schema

from db.model import tables
from schema.built import GRAPHQL, SCHEMA, sdl
from schema.fields import fields
from schema.fields.input_fields import optional
from tests.support.services.api import running

# Section 3.13 of the specification's edition of September 2025.
LOCATIONS = re.findall(
    r"\w+",
    """
    QUERY MUTATION SUBSCRIPTION FIELD FRAGMENT_DEFINITION FRAGMENT_SPREAD INLINE_FRAGMENT
    VARIABLE_DEFINITION SCHEMA SCALAR OBJECT FIELD_DEFINITION ARGUMENT_DEFINITION INTERFACE UNION ENUM
    ENUM_VALUE INPUT_OBJECT INPUT_FIELD_DEFINITION
    """,
)
DEPRECATED = """
    query ($all: Boolean = false) {
      field: __type(name: "Query") {
        shown: fields { name args(includeDeprecated: $all) { name isDeprecated deprecationReason } }
        all: fields(includeDeprecated: true) { name isDeprecated deprecationReason }
      }
      input: __type(name: "UpdateActorInput") {
        inputFields(includeDeprecated: $all) { name isDeprecated deprecationReason }
      }
      value: __type(name: "ActorType") { enumValues(includeDeprecated: $all) { name deprecationReason } }
    }
"""


async def test_without_introspection_the_schema_is_not_available(tmp_path):
    async with running(tmp_path / "registry.db", introspection=False) as api:
        sdl = await api.client.get("/schema.graphql")
        query = await api.post("{ __schema { queryType { name } } }")

    assert sdl.status_code == 404
    assert query["errors"][0]["extensions"]["code"] == "INVALID_DOCUMENT"


async def test_a_forbidden_introspection_is_reported_once_per_document(tmp_path):
    whole = get_introspection_query(input_value_deprecation=True)
    async with running(tmp_path / "registry.db", introspection=False) as api:
        refused = await api.post(whole)
        mixed = await api.post("{ __schema { queryType { name } } nothing }")
        named = await api.post("{ __typename viewer { __typename } }")

    (error,) = refused["errors"]
    assert error["extensions"] == {"code": "INVALID_DOCUMENT"}
    assert "CHITTYGRAPH_INTROSPECTION=true" in error["message"]
    assert error["locations"] == [{"line": 3, "column": 3}]
    assert len(mixed["errors"]) == 2
    assert "errors" not in named


SUGGESTING = {
    "a field": ("{ actor_s { totalCount } }", {}),
    "an argument": ("{ actors(firs: 1) { totalCount } }", {}),
    "an input field": ("{ actors(filter: { statu: {} }) { totalCount } }", {}),
    "an enum value": ("{ actors(filter: { status: { eq: ACTIV } }) { totalCount } }", {}),
    "a type": ("{ viewer { ... on Viewe { __typename } } }", {}),
    "a variable's field": (
        "query($f: ActorFilter) { actors(filter: $f) { totalCount } }",
        {"f": {"statu": {}}},
    ),
    "a variable's enum value": (
        "query($f: ActorFilter) { actors(filter: $f) { totalCount } }",
        {"f": {"status": {"eq": "ACTIV"}}},
    ),
}


@pytest.mark.parametrize(("document", "variables"), SUGGESTING.values(), ids=SUGGESTING)
async def test_names_are_suggested_only_if_introspection_is_allowed(tmp_path, document, variables):
    message = {}
    for allowed in (True, False):
        async with running(tmp_path / f"{allowed}.db", introspection=allowed) as api:
            message[allowed] = (await api.post(document, **variables))["errors"][0]["message"]

    assert "Did you mean" in message[True]
    assert "Did you mean" not in message[False]


async def test_types_are_listed_in_alphabetical_order(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        answer = await api.ask("{ __schema { types { name } } }")

    names = [each["name"] for each in answer["__schema"]["types"]]
    printed = [each.name.value for each in parse(sdl()).definitions if hasattr(each, "name")]
    assert names == sorted(names)
    assert printed == sorted(printed)
    assert {"Actor", "Query", "__Schema"} <= set(names)


async def test_directives_have_only_locations_that_older_clients_know(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        answer = await api.ask("{ __schema { directives { name locations } } }")

    directives = {each["name"]: each["locations"] for each in answer["__schema"]["directives"]}
    assert directives.keys() == {"include", "skip", "deprecated", "specifiedBy", "oneOf"}
    assert set().union(*directives.values()) <= set(LOCATIONS)
    assert "INPUT_FIELD_DEFINITION" in directives["deprecated"]


async def test_what_is_introspected_is_what_is_printed(tmp_path):
    whole = get_introspection_query(
        input_value_deprecation=True, specified_by_url=True, schema_description=True
    )
    async with running(tmp_path / "registry.db") as api:
        built = build_client_schema(await api.ask(whole))

    assert print_schema(built) == print_schema(GRAPHQL)
    assert (
        'scalar JSON @specifiedBy(url: "https://www.rfc-editor.org/rfc/rfc8259")'
        in print_schema(built)
    )


@contextmanager
def deprecations() -> Iterator[None]:
    """A field, an argument, an input field and an enum value of the served schema are deprecated."""
    types: Any = GRAPHQL.type_map
    marked = [
        types["Query"].fields["contextByName"],
        types["Query"].fields["actors"].args["last"],
        types["UpdateActorInput"].fields["avatarUrl"],
        types["ActorType"].values["SYSTEM"],
    ]
    for each in marked:
        each.deprecation_reason = f"old {type(each).__name__}"
    try:
        yield
    finally:
        for each in marked:
            each.deprecation_reason = None


async def test_deprecated_fields_arguments_inputs_and_values_are_shown_on_request(tmp_path):
    async with running(tmp_path / "registry.db") as api:
        with deprecations():
            hidden = await api.ask(DEPRECATED)
            shown = await api.ask(DEPRECATED, all=True)
            printed = SCHEMA.as_str()

    def arguments(answer):
        (actors,) = [each for each in answer["field"]["shown"] if each["name"] == "actors"]
        return {each["name"]: each["deprecationReason"] for each in actors["args"]}

    def reasons(entries):
        return {each["name"]: each["deprecationReason"] for each in entries}

    assert "contextByName" not in {each["name"] for each in hidden["field"]["shown"]}
    assert reasons(hidden["field"]["all"])["contextByName"] == "old GraphQLField"
    assert "last" not in arguments(hidden)
    assert arguments(shown)["last"] == "old GraphQLArgument"
    assert "avatarUrl" not in reasons(hidden["input"]["inputFields"])
    assert reasons(shown["input"]["inputFields"])["avatarUrl"] == "old GraphQLInputField"
    assert "SYSTEM" not in reasons(hidden["value"]["enumValues"])
    assert reasons(shown["value"]["enumValues"])["SYSTEM"] == "old GraphQLEnumValue"
    for kind in ("Field", "Argument", "InputField", "EnumValue"):
        assert printed.count(f'@deprecated(reason: "old GraphQL{kind}")') == 1


async def test_include_deprecated_is_never_null(tmp_path):
    """The edition of September 2025 made its type Boolean!, with the same default."""
    document = (
        '{ __type(name: "Query") { fields(includeDeprecated: null) { args(includeDeprecated: null) {'
        " name } } } }"
    )
    async with running(tmp_path / "registry.db") as api:
        answer = await api.post(document)

    assert {error["extensions"]["code"] for error in answer["errors"]} == {"INVALID_DOCUMENT"}
    assert len(answer["errors"]) == 2


def test_what_is_declared_as_deprecated_is_printed_so(monkeypatch):
    monkeypatch.setattr(fields, "_TYPE_OF_ROW", {})

    @fields.graphql_type(tables.ACTORS)
    class Query:
        """Actors as they were."""

        display_name = fields.column("The name", deprecated="use chittyId")

    @strawberry.input
    class Words:
        old: str | None = optional("As it was", deprecated="use new")
        new: str | None = optional("As it is")

    @strawberry.type
    class Mutation:
        @strawberry.field
        def say(self, words: Words) -> int:
            return 1

    printed = strawberry.Schema(query=Query, mutation=Mutation).as_str()

    assert '  displayName: String @deprecated(reason: "use chittyId")\n' in printed
    assert '  old: String @deprecated(reason: "use new")\n' in printed
    assert printed.count("@deprecated") == 2
