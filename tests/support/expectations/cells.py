"""Every cell of a small registry, as the API shows it."""

from typing import Any

from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from strawberry.utils.str_converters import to_camel_case

from tests.support.expectations.printed_schema import PRINTED
from tests.support.services.api import Api

TYPES = {
    "actors": "Actor",
    "contexts": "Context",
    "installations": "Installation",
    "connections": "Connection",
}
KEYS = {"installations": "installation_id", "connections": "connection_id"}
# Columns that are shown as objects, and how to select them.
OBJECTS = {
    "actors": {},
    "contexts": {"owner_chitty_id": "owner { chittyId }"},
    "installations": {
        "suspended_by_chitty_id": "suspendedBy { chittyId }",
        "permissions": "permissions { name access }",
    },
    "connections": {
        "source_chitty_id": (
            "source { __typename ... on Context { chittyId } ... on Actor { chittyId } }"
        ),
        "installation_id": "installation { installationId }",
    },
}
EVERY_STATE = dict.fromkeys(("actors", "contexts", "connections"), "status")


def key_of(table: str) -> str:
    return KEYS.get(table, "chitty_id")


def leaves(table: str) -> list[str]:
    """The fields of a type that show a column or are made of one."""
    type_ = PRINTED.type_map[TYPES[table]]
    assert isinstance(type_, GraphQLObjectType)
    return [
        name for name, field in type_.fields.items() if is_leaf_type(get_named_type(field.type))
    ]


def selection(table: str) -> str:
    """What to select of a type for all of its cells."""
    return " ".join([*leaves(table), *(asked for asked in OBJECTS[table].values())])


async def everything(api: Api) -> dict[str, dict[Any, Any]]:
    """Every cell that the API shows, by type and key."""
    pages = " ".join(
        f"{table}(first: 100, filter: {{ {EVERY_STATE.get(table, 'uninstalledAt')}: {{}} }})"
        f" {{ totalCount nodes {{ {selection(table)} }} }}"
        for table in TYPES
    )
    answer = await api.ask(f"{{ {pages} }}")
    for page in answer.values():
        assert page["totalCount"] == len(page["nodes"])
    return {
        table: {node[to_camel_case(key_of(table))]: node for node in answer[table]["nodes"]}
        for table in TYPES
    }
