"""Plans: the statements of an operation, level by level."""

import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.program import Statement
from resolvers.recording_context import RecordedStatement
from schema.compiled.compiler import MOST_REFERENCES
from schema.execution.documents import Documents
from schema.execution.executor import PLANS_PER_OPERATION
from tests.support.expectations.statement_counts import RecordedRegistry, fill, watched


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[RecordedRegistry]:
    """Five of everything, thrice the connections of both kinds of source."""
    async with watched(tmp_path / "registry.db") as watching:
        await fill(watching, 5)
        yield watching


async def put(registry: RecordedRegistry, sql: str) -> None:
    await registry.put(Statement(sql))


def sql_of(asked: list[RecordedStatement]) -> list[str]:
    return [each.statement.sql for each in asked]


def batches(asked: list[RecordedStatement]) -> list[int]:
    return [each.batch for each in asked]


def selected(one: RecordedStatement) -> str:
    """The columns that a statement puts into its answer."""
    _, _, rest = one.statement.sql.partition("json_array(")
    return rest.partition(")")[0]


SHAPES = {
    "a list": ([1], "{ contexts(first: 100) { nodes { name } } }"),
    "two levels of pages and a reference": (
        [1, 2, 3],
        """{ actors(first: 100) { nodes { displayName contexts { nodes { name
            connections { nodes { targetService } } } } } } }""",
    ),
    "every relation of an actor": (
        [1, 2, 2, 2, 3, 3, 3, 3, 3, 3],
        """{ actors(first: 100) { nodes {
            contexts { nodes { owner { id } installations { nodes { id } } } }
            connections { nodes { source { __typename ... on Actor { id } } installation { id } } }
            suspendedInstallations { nodes { suspendedBy { id } contexts { nodes { id } } } }
        } } }""",
    ),
    "a row and what it refers to": (
        [1],
        """{ connection(connectionId: "context1-1") { status installation { id events }
            again: installation { accountLogin } } }""",
    ),
    "a row and what it refers to more often than is fetched with it": (
        [1, 2],
        f"""{{ context(chittyId: "CHITTY-CONTEXT-000001-AAAA") {{
            {" ".join(f"owner{n}: owner {{ email }}" for n in range(MOST_REFERENCES + 20))} }} }}""",
    ),
    "a row and what leads on from it": (
        [1, 2, 3, 3],
        """{ context(chittyId: "CHITTY-CONTEXT-000001-AAAA") { name owner { id
            contexts { nodes { id } } connections { totalCount } } } }""",
    ),
    "sources of both kinds": (
        [1, 2, 3, 3],
        """{ installations(first: 100) { nodes { connections(first: 6) { nodes { source {
            ... on Context { owner { id } } ... on Actor { email } } } } } } }""",
    ),
    "pages with all that can be asked of them": (
        [1, 1, 2, 2],
        """{ contexts(first: 100) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node {
            connections(first: 2) { totalCount pageInfo { hasNextPage } nodes { id } } } } } }""",
    ),
    "several lists": (
        [1, 1, 2],
        "{ actors { nodes { id contexts { nodes { id } } } } installations { totalCount } }",
    ),
}


@pytest.mark.parametrize(("levels", "query"), SHAPES.values(), ids=SHAPES)
async def test_one_statement_per_relation_and_one_batch_per_level_for_three_rows_and_three_hundred(
    tmp_path: Path, levels: list[int], query: str
):
    taken: list[list[RecordedStatement]] = []

    for count in (3, 100):
        async with watched(tmp_path / f"{count}.db") as registry:
            await fill(registry, count)
            taken.append(await registry.asked(query))

    few, many = taken
    assert sql_of(many) == sql_of(few)
    assert batches(many) == levels
    assert {each.rows for each in many} == {1}  # one text each, however many rows are in it


COLUMNS = [
    ("{ contexts { nodes { name } } }", "x.chitty_id, x.name"),
    ("{ contexts { nodes { status tools } } }", "x.chitty_id, x.status, x.tools"),
    ("{ contexts { nodes { id __typename } } }", "x.chitty_id"),
    (
        "{ contexts { nodes { a: name b: name } edges { node { name } } } }",
        "x.chitty_id, x.name",
    ),
    ("{ contexts { nodes { owner { id } } } }", "x.chitty_id, x.owner_chitty_id"),
    ("{ contexts { edges { cursor } } }", "x.chitty_id, x.created_at"),
    (
        "{ contexts(orderBy: [{ field: NAME }]) { pageInfo { endCursor } } }",
        "x.chitty_id, x.name",
    ),
    ('{ actor(chittyId: "CHITTY-ACTOR-000001-AAAA") { email } }', "x.chitty_id, x.email"),
]


@pytest.mark.parametrize(("query", "columns"), COLUMNS)
async def test_only_the_columns_asked_for_are_selected(registry, query: str, columns: str):
    asked = await registry.asked(query)

    assert selected(asked[0]) == columns


LIMITS = [
    ("first: 3", "nodes { id }", 3),
    ("first: 3", "nodes { id } pageInfo { startCursor hasPreviousPage }", 3),
    ("first: 3", "nodes { id } pageInfo { hasNextPage }", 4),
    ("first: 3", "pageInfo { hasNextPage }", 4),
    ("last: 3", "nodes { id } pageInfo { hasNextPage }", 3),
    ("last: 3", "nodes { id } pageInfo { hasPreviousPage }", 4),
    ("", "nodes { id }", 20),
]


@pytest.mark.parametrize(("arguments", "selection", "limit"), LIMITS)
async def test_one_row_more_is_read_only_for_has_next_page(
    registry, arguments: str, selection: str, limit: int
):
    query = f"{{ contexts(orderBy: [{{ field: NAME }}] {arguments}) {{ {selection} }} }}"

    (page,) = await registry.asked(query)

    assert page.statement.bind["limit"] == limit


async def test_only_total_count_counts_and_it_alone_reads_no_row(registry):
    (rows,) = await registry.asked("{ contexts { nodes { name } } }")
    (number,) = await registry.asked("{ contexts { totalCount } }")
    both = await registry.asked("{ contexts { totalCount nodes { name } } }")
    neither = await registry.asked("{ contexts { __typename pageInfo { __typename } } }")

    assert "count(*) FROM" not in rows.statement.sql
    assert ("count(*) FROM" in number.statement.sql, "LIMIT" in number.statement.sql) == (
        True,
        False,
    )
    assert sql_of(both) == sql_of([rows, number])
    assert neither == []


async def test_variables_are_bound_and_never_part_of_the_statement(registry):
    query = """
        query ($first: Int, $name: String!, $many: [String!]) {
          contexts(first: $first, filter: { or: [{ name: { contains: $name } }, { name: { in: $many } }] }) {
            nodes { name connections(first: $first) { nodes { id } } }
          }
        }
    """

    one = await registry.asked(query, first=3, name="c", many=["x"] * 50)
    other = await registry.asked(query, first=1, name="' OR 1=1 --", many=["c2"])

    assert sql_of(one) == sql_of(other)
    assert [each.statement.bind["limit"] for each in one] == [3, 3]
    assert [each.statement.bind["limit"] for each in other] == [1, 1]
    assert registry.answer["contexts"]["nodes"][0]["name"] == "c2"


async def test_sql_is_written_once_for_constants_and_for_each_shape_of_variables(registry):
    constant = '{ contexts(first: 2, filter: { name: { eq: "c1" } }) { nodes { name } } }'
    variable = """query ($first: Int, $filter: ContextFilter) {
        contexts(first: $first, filter: $filter) { nodes { name } } }"""

    once, again = [await registry.asked(constant) for _ in range(2)]
    one = await registry.asked(variable, first=2, filter={"name": {"in": ["c1", "c2"]}})
    other = await registry.asked(variable, first=1, filter={"name": {"in": ["c3"]}})
    third = await registry.asked(variable, first=1, filter={"name": {"eq": "c3"}})

    assert once[0].statement.sql is again[0].statement.sql
    assert one[0].statement.sql is other[0].statement.sql
    assert one[0].statement.bind == {"limit": 2, "v1": '["c1", "c2"]'}
    assert other[0].statement.bind == {"limit": 1, "v1": '["c3"]'}
    assert third[0].statement.sql != other[0].statement.sql


async def test_statements_of_an_evicted_document_do_not_keep_its_plan(registry):
    query = "query ($first: Int) { contexts(first: $first) { nodes { name } } }"
    await registry.asked(query, first=1)
    operation = registry.documents.prepare(query).operation(None)
    [plan] = operation.plans.values()
    reference = plan.roots[0].plan.reference
    assert reference() is not None

    registry.documents = Documents(introspection=True)
    del operation, plan
    gc.collect()

    assert reference() is None


async def test_each_outcome_of_skip_and_include_has_a_plan_of_its_own(registry):
    query = """
        query ($brief: Boolean!, $more: Boolean = false, $first: Int) {
          contexts(first: $first) { nodes { name status @skip(if: $brief) tools @include(if: $more) } }
        }
    """
    ways = [(brief, more) for brief in (True, False) for more in (True, False)]

    columns = {
        way: selected((await registry.asked(query, brief=way[0], more=way[1], first=first))[0])
        for first in (1, 2)
        for way in ways
    }

    assert columns == {
        (True, True): "x.chitty_id, x.name, x.tools",
        (True, False): "x.chitty_id, x.name",
        (False, True): "x.chitty_id, x.name, x.status, x.tools",
        (False, False): "x.chitty_id, x.name, x.status",
    }
    assert len(registry.documents.prepare(query).operation(None).plans) == len(ways)


async def test_a_document_keeps_a_limited_number_of_plans_and_works_without_the_others(registry):
    names = [f"v{number}" for number in range(6)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: name @include(if: ${name})" for name in names)
    query = f"query ({declared}) {{ contexts(first: 1) {{ nodes {{ id {fields} }} }} }}"

    for number in range(2 ** len(names)):
        wanted = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        await registry.asked(query, **wanted)
        (node,) = registry.answer["contexts"]["nodes"]
        assert [name for name in names if name in node] == [name for name in names if wanted[name]]

    assert len(registry.documents.prepare(query).operation(None).plans) == PLANS_PER_OPERATION


async def test_what_many_rows_lead_to_is_fetched_once(registry):
    await put(registry, "UPDATE contexts SET owner_chitty_id = 'CHITTY-ACTOR-000001-AAAA'")

    _, owners = await registry.asked(
        "{ contexts { nodes { owner { chittyId } o: owner { email } } } }"
    )

    assert owners.statement.bind["parents"] == '["CHITTY-ACTOR-000001-AAAA"]'
    assert len(registry.answer["contexts"]["nodes"]) == 5
    assert {node["owner"]["chittyId"] for node in registry.answer["contexts"]["nodes"]} == {
        "CHITTY-ACTOR-000001-AAAA"
    }


async def test_a_level_without_objects_reads_nothing(registry):
    await put(registry, "DELETE FROM connections")

    asked = await registry.asked("""
        {
          connections { nodes { installation { id } source { __typename } } }
          actor(chittyId: "CHITTY-ACTOR-999999-ZZZZ") { contexts { nodes { id } } }
        }
    """)

    assert batches(asked) == [1, 1]


async def test_lookups_of_many_ids_are_one_statement_per_type_and_each_row_once(registry):
    await registry.asked("{ actors { nodes { id } } contexts { nodes { id } } }")
    ids = [node["id"] for name in ("actors", "contexts") for node in registry.answer[name]["nodes"]]

    asked = await registry.asked(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[*ids, *ids[:5], "nobody's"]
    )

    assert len(asked) == 2
    assert [node and node["id"] for node in registry.answer["nodes"]] == [*ids, *ids[:5], None]


async def test_the_payload_of_a_mutation_is_made_of_the_row_that_was_written(registry):
    asked = await registry.asked("""
        mutation {
          recordActorSeen(input: { chittyId: "CHITTY-ACTOR-000001-AAAA", newSession: true }) {
            actor { id chittyId actorType capabilities sessionCount updatedAt }
            errors { code message path }
          }
        }
    """)

    assert asked == []
    assert registry.answer["recordActorSeen"]["actor"]["sessionCount"] == "1"


async def test_the_relations_of_a_payload_are_read_together(registry):
    asked = await registry.asked("""
        mutation {
          recordActorSeen(input: { chittyId: "CHITTY-ACTOR-000001-AAAA" }) {
            actor {
              contexts { nodes { name } totalCount }
              connections { nodes { installation { accountLogin } } }
            }
          }
        }
    """)

    assert batches(asked) == [1, 1, 1, 2]
    assert registry.answer["recordActorSeen"]["actor"]["contexts"]["totalCount"] == 1


async def test_a_refused_mutation_reads_nothing_more(registry):
    asked = await registry.asked("""
        mutation { suspendActor(input: { chittyId: "CHITTY-ACTOR-NOBODY" }) {
          actor { contexts { nodes { name } } } errors { code path } } }
    """)

    assert asked == []
    assert registry.answer["suspendActor"] == {
        "actor": None,
        "errors": [{"code": "NOT_FOUND", "path": ["input", "chittyId"]}],
    }
