"""JSON that is written in a document, with variables in it."""

import json

import pytest

from tests.support.services.api import running

ADA = "CHITTY-ACTOR-ADA"
MUTATION = """
    mutation(%s) {
      registerActor(input: { actorType: HUMAN, chittyId: "CHITTY-ACTOR-ADA" }) { errors { code } }
      openConnection(input: { source: "CHITTY-ACTOR-ADA", targetService: "slack", config: %s }) {
        connection { config }
        errors { message path }
      }
    }
"""


@pytest.fixture(params=[True, False], ids=["compiled", "generic"])
async def api(request, tmp_path):
    async with running(tmp_path / "registry.db", compiled=request.param) as api:
        yield api


@pytest.mark.parametrize(
    ("literal", "sent", "config"),
    [
        ("{ a: $x, b: 1 }", {}, {"b": 1}),
        ("{ a: $x, b: 1 }", {"x": None}, {"a": None, "b": 1}),
        ("{ a: $x, b: 1 }", {"x": {"c": [2]}}, {"a": {"c": [2]}, "b": 1}),
        ("{ a: { b: $x }, c: [{ d: $x }] }", {}, {"a": {}, "c": [{}]}),
        ("{ a: [$x, 1, [$x]] }", {}, {"a": [None, 1, [None]]}),
        ("{ a: [$x, 1] }", {"x": "y"}, {"a": ["y", 1]}),
        ("$x", {}, {}),
        ("$x", {"x": {"a": 1}}, {"a": 1}),
        ('{ a: ["$x", true, 1.5, RED, null], b: $x }', {}, {"a": ["$x", True, 1.5, "RED", None]}),
    ],
)
async def test_a_variable_without_a_value_leaves_its_key_out_and_is_null_in_a_list(
    api, literal, sent, config
):
    answer = await api.post(MUTATION % ("$x: JSON", literal), **sent)

    opened = answer["data"]["openConnection"]
    assert opened["errors"] == []
    assert opened["connection"]["config"] == config


async def test_the_default_of_a_variable_takes_the_place_of_its_value(api):
    query = MUTATION % ('$x: JSON = { b: ["c"] }', "{ a: $x }")

    answer = await api.post(query)

    assert answer["data"]["openConnection"]["connection"]["config"] == {"a": {"b": ["c"]}}


async def test_both_executions_answer_alike(tmp_path):
    query = MUTATION % ("$x: JSON, $y: Int", "{ a: $x, b: [$x, $y], c: { d: $y } }")
    bodies = []

    for compiled in (True, False):
        async with running(tmp_path / f"{compiled}.db", compiled=compiled) as api:
            bodies.append(json.dumps(await api.post(query, y=1)))

    assert bodies[0] == bodies[1]
    assert '{"b": [null, 1], "c": {"d": 1}}' in bodies[0]
