"""How many statements an operation takes depends on its shape, and never on how many rows it meets."""

from pathlib import Path
from typing import Any

import pytest

from db.history import reading
from tests.support.expectations.statement_counts import fill, watched

SHAPES = {
    "what the issue names": (
        5,
        """{ installations(first: 100) { nodes { contexts { nodes { owner { chittyId }
            connections { nodes { installation { accountLogin } } } } } } } }""",
    ),
    "every relation of an actor": (
        9,
        """{ actors(first: 100) { nodes {
            contexts { nodes { name installations { nodes { id } } } }
            connections { nodes { source { __typename } installation { id } } }
            suspendedInstallations { nodes { id suspendedBy { id } contexts { nodes { id } } } }
        } } }""",
    ),
    "sources of both kinds and what they own": (
        6,
        """{ connections(first: 100) { nodes { source {
            ... on Context { owner { id contexts { nodes { id } } } }
            ... on Actor { id contexts { nodes { id } } }
        } } } }""",
    ),
    "six levels down": (
        6,
        """{ contexts(first: 100) { nodes { owner { contexts { nodes { connections { nodes {
            installation { contexts { nodes { connections { nodes { id } } } } }
        } } } } } } } }""",
    ),
    "histories, and those of what changed": (
        5,
        """{ contexts(first: 100) { nodes { history { totalCount pageInfo { hasNextPage } nodes {
            before after actor { id } entity { id ... on Context { history { nodes { id } } } }
        } } } } }""",
    ),
    "groups at the root and below, and what they lead to": (
        7,
        """{ connections { groups(by: [STATUS, INSTALLATION]) { requests installation { id
                contexts { groups(by: [OWNER, CREATED_DAY]) { owner { id } count } } } } }
            contexts(first: 100) { nodes { connections { groups(by: TARGET_SERVICE) { count } }
                installations { groups(by: SUSPENDED) { count } } } } }""",
    ),
    "pages with all that can be asked of them": (
        9,
        """{ contexts(first: 100) { totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
            edges { cursor node {
            connections(first: 2) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { id } }
            installations(last: 1) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { id } }
        } } } }""",
    ),
}


@pytest.mark.parametrize(("most", "query"), SHAPES.values(), ids=SHAPES)
async def test_three_rows_and_three_hundred_take_the_same_statements(
    tmp_path: Path, most: int, query: str
):
    taken: list[list[str]] = []

    for count in (1, 100):
        async with watched(tmp_path / f"{count}.db") as registry:
            await fill(registry, count)
            taken.append([statement.sql for statement in await registry.statements(query)])

    few, many = taken
    assert many == few
    assert len(many) <= most


async def test_lookups_of_many_ids_are_one_statement_per_type(tmp_path):
    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 30)
        await registry.statements("{ actors { nodes { id } } contexts { nodes { id } } }")
        ids = [
            node["id"] for name in ("actors", "contexts") for node in registry.answer[name]["nodes"]
        ]

        taken = await registry.statements(
            "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=[*ids, *ids[:5], "nobody's"]
        )

    assert len(ids) == 40
    assert len(taken) == 2


async def test_a_count_alone_reads_no_row(tmp_path):
    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 5)

        (taken,) = await registry.statements("{ contexts { totalCount } }")
        of_relations = await registry.statements("{ actors { nodes { contexts { totalCount } } } }")

    assert "count(*)" in taken.sql
    assert "LIMIT" not in taken.sql
    assert ["count(*)" in statement.sql for statement in of_relations] == [False, True]


async def test_a_page_that_is_asked_for_nothing_reads_nothing(tmp_path):
    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 5)

        taken = await registry.statements("{ contexts { __typename pageInfo { __typename } } }")

    assert taken == []


LOOK_AHEAD = [
    ("first: 3", "nodes { id }", 3),
    ("first: 3", "totalCount nodes { id } pageInfo { startCursor endCursor }", 3),
    ("first: 3", "nodes { id } pageInfo { hasPreviousPage }", 3),
    ("first: 3", "nodes { id } pageInfo { hasNextPage }", 4),
    ("first: 3", "... { pageInfo { ...More } } nodes { id }", 4),
    ("last: 3", "nodes { id } pageInfo { hasNextPage }", 3),
    ("last: 3", "edges { cursor } pageInfo { hasPreviousPage }", 4),
    ("", "nodes { id }", 20),
]


@pytest.mark.parametrize(("arguments", "selection", "read"), LOOK_AHEAD)
async def test_a_page_reads_one_row_more_only_to_tell_whether_there_is_more(
    tmp_path, arguments: str, selection: str, read: int
):
    query = "{ contexts(orderBy: [{ field: NAME }] %s) { %s } } %s"
    more = "fragment More on PageInfo { more: hasNextPage }" if "...More" in selection else ""

    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 5)
        taken = await registry.statements(query % (arguments, selection, more))

    pages = [statement for statement in taken if "LIMIT" in statement.sql]
    assert [statement.bind["limit"] for statement in pages] == [read]
    assert len(taken) == len(pages) + ("totalCount" in selection)


async def test_only_a_cursor_makes_the_page_look_back(tmp_path):
    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 5)
        flags = "nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor }"
        first = await registry.statements("{ contexts(first: 2) {" + flags + "} }")
        cursor = registry.answer["contexts"]["pageInfo"]["endCursor"]

        second = await registry.statements(
            "query ($after: String) { contexts(first: 2, after: $after) {" + flags + "} }",
            after=cursor,
        )

    assert [statement.bind["limit"] for statement in first] == [3]
    assert [statement.bind["limit"] for statement in second] == [3, 1]


async def test_cursors_of_changes_are_checked_by_one_statement(tmp_path):
    flags = "nodes { id } pageInfo { hasNextPage endCursor }"
    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 5)
        first = await registry.statements("{ changes(first: 2) {" + flags + "} }")
        cursor = registry.answer["changes"]["pageInfo"]["endCursor"]
        query = "query ($c: String) { a: changes(after: $c) {%s} b: changes(before: $c) {%s} }"

        second = await registry.statements(query.replace("%s", flags), c=cursor)
        compiled = await registry.asked(query.replace("%s", flags), c=cursor)

    assert len(first) == 1
    assert [each.sql == reading.LIMITS.sql for each in second].count(True) == 1
    assert [each.statement.sql == reading.LIMITS.sql for each in compiled].count(True) == 2


async def test_aliases_of_one_list_share_its_statements(tmp_path):
    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 5)

        taken = await registry.statements("""
            query ($name: String = "c1") {
              a: contexts(first: 2, filter: { name: { eq: "c1" } }) { totalCount nodes { name } }
              b: contexts(filter: { name: { eq: $name } }, first: 2) { totalCount nodes { id owner { id } } }
              c: contexts(last: 2, filter: { name: { eq: "c2" } }) { nodes { name status } }
            }
        """)

    answer: Any = registry.answer
    assert len(taken) == 4  # a and b: rows and their number; c: rows; owners
    assert answer["a"]["nodes"] == [{"name": "c1"}]
    assert answer["c"]["nodes"] == [{"name": "c2", "status": "ACTIVE"}]


@pytest.mark.parametrize(
    ("query", "statements", "answer"),
    [
        (
            "{ a: registryStats { actors } b: registryStats { connections { total } } }",
            4,
            {"a": {"actors": 3}, "b": {"connections": {"total": 18}}},
        ),
        (
            "{ services(first: 1) { nodes { a: stats { total } b: stats { byStatus { count } } } } }",
            2,
            {"services": {"nodes": [{"a": {"total": 6}, "b": {"byStatus": [{"count": 6}]}}]}},
        ),
    ],
    ids=["registry", "services"],
)
async def test_aliases_of_statistics_share_their_statements(tmp_path, query, statements, answer):
    async with watched(tmp_path / "registry.db", 3) as registry:
        generic = await registry.statements(query)
        compiled = await registry.asked(query)

    assert registry.answer == answer
    assert len(compiled) == len(generic) == statements


async def test_what_a_client_gives_is_bound_and_never_part_of_the_statement(tmp_path):
    query = """
        query ($name: String!, $many: [String!]!) {
          contexts(filter: { or: [{ name: { contains: $name } }, { name: { in: $many } },
            { data: { containsAny: $many } }] }) { totalCount nodes { name } }
        }
    """

    async with watched(tmp_path / "registry.db") as registry:
        one = await registry.statements(query, name="' OR 1=1 --", many=["x"] * 50)
        other = await registry.statements(query, name="", many=[])

    assert [statement.sql for statement in one] == [statement.sql for statement in other]
