"""The schema, and its names in errors, are shown only if introspection is allowed."""

import pytest
from graphql import get_introspection_query

from tests.support.services.api import running


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
