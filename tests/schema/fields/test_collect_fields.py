"""What a resolver knows of the selection below its field."""

from typing import Any

import pytest
from graphql import build_schema, execute_sync, parse

from schema.fields.collect_fields import directive_variables, selects

SCHEMA = build_schema("""
    interface Page { total: Int! }
    type Books implements Page { total: Int!, info: Info! }
    type Films implements Page { total: Int! }
    type Info { next: Boolean!, previous: Boolean! }
    type Query { books: Books }
""")


def ask(selection: str, *path: str, **variables: Any) -> bool:
    """What the resolver of `books` hears about a selection below it."""
    heard: list[bool] = []

    def resolve(source: Any, info: Any) -> None:
        heard.append(selects(info, *path))

    query: Any = SCHEMA.query_type
    query.fields["books"].resolve = resolve
    result = execute_sync(SCHEMA, parse(selection), variable_values=variables)
    assert result.errors is None
    (answer,) = heard
    return answer


@pytest.mark.parametrize(
    "selection",
    [
        "{ books { info { next } } }",
        "{ books { around: info { more: next } } }",
        "{ books { info { previous } info { next } } }",
        "{ books { a: info { previous } b: info { next } } }",
        "{ books { ... on Books { info { ... { next } } } } }",
        "{ books { ... on Page { ...on Books { info { next } } } } }",
        "{ books { total } books { info { next } } }",
        "query { books { ...F } } fragment F on Books { info { ...G } } fragment G on Info { next }",
    ],
)
def test_a_selected_field_is_found_wherever_it_is_spelled(selection: str):
    assert ask(selection, "info", "next")


@pytest.mark.parametrize(
    "selection",
    [
        "{ books { total } }",
        "{ books { info { previous } } }",
        "{ books { info { next: previous } } }",
        "{ books { ... on Page { ... on Films { total } } } }",
    ],
)
def test_a_field_that_is_not_selected_is_not_found(selection: str):
    assert not ask(selection, "info", "next")


@pytest.mark.parametrize("skip", [True, False])
def test_directives_decide_by_the_values_of_variables(skip: bool):
    selection = "query ($v: Boolean!) { books { total info @skip(if: $v) { next } } }"

    assert ask(selection, "info", "next", v=skip) is not skip


def test_variables_of_directives_are_listed_once_each_in_order():
    document = parse("""
        query ($a: Boolean!, $b: Boolean!, $c: Int) {
            books @include(if: $b) { total @skip(if: $a) info @skip(if: $b) { next } }
        }
    """)

    assert directive_variables(document) == ("b", "a")
