"""Whatever a client asks of the graph is answered or refused with a code, and the work for it is bounded.

Work is SQLite's instructions, of which it carries out some fifty million in a second: they are the same on a
slow day. The registry is as dense as one can be: thousands of connections between the same few objects.
"""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from db.model.groupings import GROUPINGS
from db.model.tables import CONNECTIONS
from db.program import Statement
from db.queries.searches import KINDS, MOST_OWN
from resolvers.permissions import OPERATOR, Viewer
from resolvers.recording_context import RecordingContext
from schema.errors import format_errors
from schema.fields import global_ids
from tests.support.expectations.statement_counts import RecordedRegistry, watched
from tests.support.registries.databases import new_registry

AT = "2026-01-01T00:00:00.000Z"
OWNER, OTHER = "CHITTY-ACTOR-000001-AAAA", "CHITTY-ACTOR-000002-AAAA"
CONTEXT = "CHITTY-CONTEXT-000001-AAAA"
APP, LINKS, SERVICES = 7, 10_000, 50
DENSE = f"""
    INSERT INTO actors (chitty_id, actor_type, display_name, created_at, updated_at)
        VALUES ('{OWNER}', 'human', 'ada', '{AT}', '{AT}'), ('{OTHER}', 'human', 'bob', '{AT}', '{AT}');
    INSERT INTO contexts (chitty_id, name, owner_chitty_id, created_at, updated_at)
        VALUES ('{CONTEXT}', 'work', '{OWNER}', '{AT}', '{AT}');
    INSERT INTO installations (installation_id, chitty_id, account_id, account_login, account_type,
        repository_selection, suspended_by_chitty_id, installed_at, updated_at)
        VALUES ({APP}, 'CHITTY-INSTALL-000001-AAAA', 1, 'ada', 'User', 'all', '{OWNER}', '{AT}', '{AT}');
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {LINKS})
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, target_endpoint,
        installation_id, request_count, created_at, updated_at)
        SELECT printf('%06d', n), iif(n % 2, '{CONTEXT}', '{OWNER}'), iif(n % 2, 'context', 'actor'),
            iif(n % 10, 'hub', 'service ' || (n / 10 % {SERVICES})), 'https://ada.example.org/%_/' || n,
            {APP}, n, strftime('%Y-%m-%dT%H:%M:%fZ', '{AT}', n || ' hours'), '{AT}' FROM n;
"""
HUGE = 2**31 - 1
# Of one root field, for each of the connections: most are read once, and their texts looked at.
STEPS_OF_A_ROW = 150
# What a walk takes at most, however dense the graph is.
STEPS_OF_A_WALK = 1_500_000
# Of the combinations of arguments, by default: each value of an argument is among them.
EVERY = 3
# A search looks at that many of its viewer's own rows; all else returns less.
MOST_ROWS = len(KINDS) * MOST_OWN
CODES = {"BAD_WALK", "WALK_TOO_WIDE", "BAD_SEARCH", "BAD_GROUPS", "BAD_PAGE", "BAD_CURSOR"}
CODES |= {"BAD_FILTER", "TOO_MANY_ROWS"}

AROUND = """
    query ($of: ID!, $depth: Int!, $most: Int!, $kinds: [NodeKind!]) {
      neighborhood(of: $of, depth: $depth, maxNodes: $most, kinds: $kinds) {
        center { id } nodes { id } edges { from to relation } truncated } }
"""
PATH = """
    query ($from: ID!, $to: ID!, $most: Int!) {
      shortestPath(from: $from, to: $to, maxDepth: $most) { from to relation } }
"""
FOUND = """
    query ($text: String!, $first: Int, $after: String, $kinds: [NodeKind!]) {
      search(text: $text, first: $first, after: $after, kinds: $kinds) {
        totalCount edges { cursor field highlight node { id } } pageInfo { hasNextPage } } }
"""
GROUPED = """
    query ($by: [ConnectionGroupBy!]!, $first: Int, $order: GroupOrder!) {
      connections { groups(by: $by, first: $first, orderBy: $order) {
        status targetService installation { id } created count requests errors lastUsedAt } } }
"""
LISTED = """
    query ($filter: StringFilter!, $first: Int) {
      services(filter: $filter, first: $first) { totalCount nodes { name } }
      connections(filter: { targetEndpoint: $filter }, first: $first) { totalCount nodes { id } } }
"""
PLACES = [
    global_ids.of_key(*each)
    for each in [
        ("Service", "hub"),
        ("Installation", APP),
        ("Context", CONTEXT),
        ("Actor", OWNER),
        ("Actor", OTHER),
        ("Connection", "000001"),
        ("Connection", "009999"),
        ("Service", "service 7"),
        ("Service", "none"),
        ("Actor", "\0"),
    ]
]
HOSTILE = [
    *(
        '"',
        "'",
        "*",
        "a*",
        '"a" OR b',
        "NEAR(a b, 9)",
        "{name}: a",
        "-a",
        "^a",
        "a AND",
        "(",
        "\\",
        "%",
        "_",
    ),
    *(
        "\0",
        "a\0b",
        "\ufeff",
        "\ue000",
        "\ue000ada",
        "e\u0301",
        "🦊",
        "ﬀ",
        "İ",
        " ",
        "\u2028",
        "\u017f",
    ),
    *("a", "https", "ada", "a b c d e f g h", "a b c d e f g h i", "x" * 200, "x" * 201, "é" * 200),
    *("%_" * 10_000, "a" * 100_000, " ".join("a" * 5_000), "\U0010ffff" * 200, "0", "٣", "1" * 60),
]


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = new_registry(tmp_path_factory.mktemp("dense") / "registry.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DENSE)
    return path


@contextmanager
def counting(path: Path, viewer: Viewer) -> Iterator[Callable[[list[Statement]], int]]:
    """What tells how many instructions statements take for a viewer, to the hundred."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 100

    with closing(sqlite3.connect(path)) as connection:
        connection.set_progress_handler(count, 100)

        def steps(statements: list[Statement]) -> int:
            before = taken
            for statement in statements:
                connection.execute(*viewer.security.of(statement)).fetchall()
            return taken - before

        yield steps


async def asked(
    registry: RecordedRegistry, viewer: Viewer, query: str, variables: dict[str, Any]
) -> tuple[Any, list[str], list[Statement], int]:
    """The data, the codes of errors, the statements, and how many rows these returned."""
    async with RecordingContext(db=registry.db, cursor_key=b"key", viewer=viewer) as ctx:
        result = await registry.answered(ctx, query, variables)
    codes = [each["extensions"]["code"] for each in format_errors(result.errors, "")]
    statements = [each.statement for each in ctx.recorded]
    return result.data, codes, statements, sum(each.rows for each in ctx.recorded)


def around(every: int) -> Iterator[dict[str, Any]]:
    places = itertools.product(PLACES, (-HUGE, 0, 1, 2, 10, HUGE), (0, 1, 1_000, HUGE))
    for of, depth, most in itertools.islice(places, 0, None, every):
        yield {"of": of, "depth": depth, "most": most}
    for kinds in ([], ["CONNECTION"], ["CONNECTION", "SERVICE"], ["ACTOR"] * 999):
        yield {"of": PLACES[0], "depth": 10, "most": 1_000, "kinds": kinds}


def paths(every: int) -> Iterator[dict[str, Any]]:
    ends = itertools.product(PLACES, PLACES, (2, 20))
    for start, end, most in itertools.islice(ends, 0, None, every):
        yield {"from": start, "to": end, "most": most}
    for most in (-HUGE, 0, 1, 21, HUGE):
        yield {"from": PLACES[0], "to": PLACES[1], "most": most}


def searches(_: int) -> Iterator[dict[str, Any]]:
    for text in HOSTILE:
        yield {"text": text, "first": 100}
    for first in (-HUGE, 0, 1, HUGE):
        yield {"text": "a", "first": first}
    for after in ("", "x", "A" * 1_000, "🦊"):
        yield {"text": "a", "after": after}
    for kinds in ([], ["SERVICE"], ["ACTOR"] * 999):
        yield {"text": "a", "kinds": kinds}


def groupings(every: int) -> Iterator[dict[str, Any]]:
    keys = [name.upper() for name in GROUPINGS[CONNECTIONS].keys]
    for count in (0, 1, 3, 4):
        several = enumerate(itertools.combinations(keys, count))
        for number, by in itertools.islice(several, 0, None, every if count == 3 else 1):
            order = ("COUNT_DESC", "KEY_ASC")[number % 2]
            yield {"by": by, "first": (1, 1_000)[number % 2], "order": order}
    for first in (-HUGE, 0, 1_001, HUGE):
        yield {"by": ["STATUS"], "first": first, "order": "COUNT_ASC"}
    for wrong in (["STATUS"] * 2, ["STATUS"] * 9_000, ["CREATED_DAY", "CREATED_MONTH"]):
        yield {"by": wrong, "first": 1, "order": "KEY_DESC"}


def filters(_: int) -> Iterator[dict[str, Any]]:
    operators = itertools.cycle(("eq", "contains", "startsWith", "endsWith"))
    for text, operator in zip(HOSTILE, operators, strict=False):
        yield {"filter": {operator: text, "ignoreCase": True}, "first": 100}
    for text in HOSTILE[::4]:
        yield {"filter": {"endsWith": text}, "first": 1}
    yield {"filter": {"in": HOSTILE * 10, "ignoreCase": True}, "first": 100}
    yield {"filter": {"ignoreCase": True}, "first": 1}


ASKED = {
    "neighborhoods": (AROUND, around, STEPS_OF_A_WALK),
    "paths": (PATH, paths, STEPS_OF_A_WALK),
    "searches": (FOUND, searches, STEPS_OF_A_ROW * LINKS),
    "groups": (GROUPED, groupings, STEPS_OF_A_ROW * LINKS),
    "filters": (LISTED, filters, 3 * STEPS_OF_A_ROW * LINKS),
}


@pytest.mark.parametrize(
    "every", [EVERY, pytest.param(1, marks=pytest.mark.thorough)], ids=lambda each: f"each-{each}"
)
@pytest.mark.parametrize("viewer", [OPERATOR, Viewer(OWNER, ())], ids=["operator", "owner"])
@pytest.mark.parametrize(("query", "variables", "most"), ASKED.values(), ids=ASKED)
async def test_it_is_answered_or_refused_after_little_work(
    dense: Path, viewer: Viewer, query: str, variables: Any, most: int, every: int
):
    answered = 0
    with counting(dense, viewer) as steps:
        async with watched(dense) as registry:
            for sent in variables(every):
                data, codes, statements, rows = await asked(registry, viewer, query, sent)
                assert set(codes) <= CODES, sent
                assert codes or data is not None
                assert steps(statements) <= most, sent
                assert rows <= MOST_ROWS, sent
                answered += not codes

    assert answered
