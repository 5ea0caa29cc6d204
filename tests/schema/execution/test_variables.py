"""An operation's variables are looked at no further than to where they do not fit."""

from typing import Any

import pytest
from graphql import parse

from schema.built import GRAPHQL
from schema.execution import variables
from schema.execution.variables import Variables
from tests.support.services.api import running

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


@pytest.mark.parametrize("name", GRAPHQL.mutation_type.fields)
def test_no_input_of_a_mutation_is_left_to_the_library(name, monkeypatch):
    mutation: Any = GRAPHQL.mutation_type
    ((argument, declared),) = mutation.fields[name].args.items()
    operation: Any = parse(
        f"mutation($sent: {declared.type}) {{ {name}({argument}: $sent) {{ __typename }} }}"
    ).definitions[0]
    monkeypatch.setattr(variables, "get_variable_values", None)

    coerced = Variables(operation.variable_definitions).coerce({"sent": {"unknown": 1}})

    assert coerced is None


@pytest.mark.parametrize(("wrong", "listed"), [(19, 19), (20, 20), (400, 20)])
@pytest.mark.parametrize("compiled", [True, False])
async def test_of_many_errors_in_variables_twenty_are_reported_and_the_last_says_that_there_are_more(
    tmp_path, compiled, wrong, listed
):
    query = "query($v: [String!]) { contexts(filter: { name: { in: $v } }) { totalCount } }"

    async with running(tmp_path / "registry.db", compiled=compiled) as api:
        answer = await api.post(query, v=[1] * wrong)

    messages = [error["message"] for error in answer["errors"]]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_VARIABLES"}
    assert len(messages) == listed
    assert (messages[-1] == "there are more errors: correct these first") == (wrong > 19)
