"""Filters, orderings and fields of GraphQL types agree with the declared tables."""

import enum
from typing import Any, get_args, get_type_hints

import pytest
from graphql import GraphQLObjectType

from db.model import column_types
from db.model.tables import TABLES, Column, Table
from db.queries.conditions import OPERATORS
from schema import filters, pages
from schema.built import GRAPHQL
from schema.compiled.compiler import source_of
from schema.fields import sources
from schema.fields.sources import DEFINITION
from schema.filter_reader import LIST_OPERATORS
from schema.filters import FILTER_TARGETS, EnumFilter

BY_TYPE = {
    column_types.TEXT: filters.StringFilter,
    column_types.CHITTY_ID: filters.ChittyIdFilter,
    column_types.INT: filters.IntFilter,
    column_types.BIG_INT: filters.BigIntFilter,
    column_types.INSTANT: filters.DateTimeFilter,
    column_types.STRING_LIST: filters.StringListFilter,
}
MATCHES = {
    "contexts": filters.ContextsMatch,
    "installations": filters.InstallationsMatch,
    "connections": filters.ConnectionsMatch,
}
# Both ways of execution know a page's own fields by name.
PAGES = (pages.RelayPage, pages.Edge, pages.PageInfo)
BOOLEAN = {"and_", "or_", "not_"}
FILTERS = [pytest.param(filter_, id=filter_.__name__) for filter_ in FILTER_TARGETS]
OBJECTS = [
    pytest.param(type_, id=type_.name)
    for type_ in GRAPHQL.type_map.values()
    if isinstance(type_, GraphQLObjectType)
    and not type_.name.startswith("__")
    and not issubclass(type_.extensions[DEFINITION].origin, PAGES)
]


def parts(filter_: type) -> dict[str, Any]:
    """A filter's fields by name, each with its type without null."""
    return {name: get_args(hint)[0] for name, hint in get_type_hints(filter_).items()}


def fitting(column: Column) -> Any:
    """The input type that compares a column of this type."""
    of_values: Any = EnumFilter
    is_enumeration = isinstance(column.type.python, enum.EnumType)
    return of_values[column.type.python] if is_enumeration else BY_TYPE[column.type]


def test_every_table_has_a_filter():
    assert [filtered.table for filtered in FILTER_TARGETS.values()] == list(TABLES)


@pytest.mark.parametrize("filter_", FILTERS)
def test_a_filter_compares_columns_with_the_operators_of_their_type(filter_):
    table, relations = FILTER_TARGETS[filter_].table, FILTER_TARGETS[filter_].relations

    compared = {
        name: type_
        for name, type_ in parts(filter_).items()
        if name not in BOOLEAN and name not in relations
    }

    assert {name: repr(type_) for name, type_ in compared.items()} == {
        name: repr(fitting(table.columns[name])) for name in compared
    }


@pytest.mark.parametrize("filter_", FILTERS)
def test_a_filter_follows_relations_of_its_own_table(filter_):
    table, relations = FILTER_TARGETS[filter_].table, FILTER_TARGETS[filter_].relations
    of_table = {filtered.table: filter_ for filter_, filtered in FILTER_TARGETS.items()}

    followed = {name: parts(filter_)[name] for name in relations}

    assert all(relation.parent is table for relation in relations.values())
    assert followed == {
        name: MATCHES[relation.child.name] if relation.many else of_table[relation.child]
        for name, relation in relations.items()
    }


@pytest.mark.parametrize("match", MATCHES.values())
def test_some_and_none_take_the_same_filter(match):
    filters = parts(match)

    assert filters.keys() == {"some", "none"}
    assert filters["some"] is filters["none"]


@pytest.mark.parametrize("input_", [*BY_TYPE.values(), EnumFilter])
def test_every_comparison_that_clients_may_make_is_an_operator(input_):
    names = [name.rstrip("_") for name in input_.__annotations__ if name != "ignore_case"]

    is_list = input_ is filters.StringListFilter
    assert {LIST_OPERATORS[name] if is_list else name for name in names} <= OPERATORS.keys()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_an_ordering_names_columns(table: Table[Any]):
    order = getattr(filters, f"{table.row.__name__}Order")

    columns = get_type_hints(order)["field"]

    assert {column.value for column in columns} <= table.columns.keys()
    assert {column.name.lower() for column in columns} == {column.value for column in columns}


@pytest.mark.parametrize("type_", OBJECTS)
def test_a_field_with_a_resolver_declares_its_source(type_):
    without = [
        name
        for name, field in type_.fields.items()
        if field.extensions[DEFINITION].base_resolver and source_of(field) is None
    ]

    assert without == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_type_publishes_columns_and_relations_of_its_own_table(table: Table[Any]):
    type_: Any = GRAPHQL.type_map[table.row.__name__]

    for name, field in type_.fields.items():
        match source_of(field):
            case sources.FromColumn(column):
                assert table.columns[column.name] is column, name
            case sources.Derived(column):
                assert column in table.columns, name
            case sources.ToOne(relation, required):
                assert relation.parent is table, name
                assert not relation.many, name
                assert not (required and table.columns[relation.column].nullable), name
            case sources.ToOneOf(by, relations):
                values = {member.value for member in table.columns[by].type.python}
                assert relations.keys() == values, name
                assert all(relation.parent is table for relation in relations.values()), name
            case sources.PagedList(child, relation):
                assert relation is not None, name
                assert (relation.parent, relation.child) == (table, child), name
                assert relation.many, name
            case other:
                assert isinstance(other, sources.GlobalId), name
