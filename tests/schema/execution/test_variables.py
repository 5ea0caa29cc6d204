"""An operation's variables are looked at no further than to where they do not fit."""

from typing import Any

from graphql import parse

from schema.execution.variables import Variables

QUERY = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"


class Odd:
    """A value that no scalar takes, and that counts how often it is spoken of."""

    times = 0

    def __inspect__(self):
        Odd.times += 1
        return "odd"


def test_of_many_values_that_do_not_fit_only_the_first_are_reported():
    operation: Any = parse(QUERY).definitions[0]
    variables = Variables(operation.variable_definitions)

    coerced = variables.coerce({"ids": [Odd() for _ in range(1_000)]})

    assert coerced is None
    assert 1 <= Odd.times < 10
