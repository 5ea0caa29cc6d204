"""Groups of all connections are counted in the order of an index, in a bounded number of steps for each."""

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from db.model.groupings import GROUPINGS, GroupKey
from db.model.tables import CONNECTIONS, CONTEXTS, Table
from db.program import Statement, Values
from db.queries.conditions import EVERYTHING, Compare, Condition
from db.queries.groups import Grouping, GroupOrder, groups
from db.queries.listings import Listing
from db.security.row_security import UNRESTRICTED
from tests.support.expectations import sql_plans

BY_SERVICE = "SCAN x USING COVERING INDEX connections_by_target_service_and_status"
# What SQLite says of an index that has an expression in place of a column, if a group's first row is fetched.
BY_DAY_ALONE = "SCAN x USING INDEX connections_by_day_of_creation"
BY_DAY_AND_MORE = "SCAN x USING COVERING INDEX connections_by_day_of_creation"
SORTED = "USE TEMP B-TREE FOR GROUP BY"
CONNECTION_KEYS = list(GROUPINGS[CONNECTIONS].keys)
IN_ORDER = [
    *([name] for name in CONNECTION_KEYS),
    ["status", "target_service"],
    ["source_type", "connection_type", "installation"],
    ["created_month", "status"],
    ["target_service", "created_day", "installation"],
]
ROWS = 2_000
STORED = """
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :rows)
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, connection_type,
        status, request_count, error_count, last_used_at, installation_id, created_at, updated_at)
    SELECT n, n, iif(n % 3, 'context', 'actor'), 'service ' || (n % 25), iif(n % 4, 'api', 'oauth'),
        iif(n % 20, 'active', 'failed'), n, n % 2, at, iif(n % 25, NULL, n % 5), at, at
    FROM (SELECT n, strftime('%Y-%m-%dT00:00:00.000Z', '2026-01-01', (n % 35) || ' days') AS at FROM n)
"""


def statement(
    table: Table[Any], names: Sequence[str], *, told: bool = True, where: Condition = EVERYTHING
) -> Statement:
    groupings = GROUPINGS[table]
    keys = tuple(groupings.keys[name] for name in names)
    grouping = Grouping(keys, GroupOrder.COUNT_DESC)
    if told:
        sums, latest = tuple(groupings.sums.items()), tuple(groupings.latest.items())
        grouping = Grouping(keys, GroupOrder.COUNT_DESC, sums, latest)
    return groups(Listing(table, None, where, live=True), grouping, 100, [None])


def of_plain_rows(steps: list[str]) -> list[str]:
    """The steps of the first of two forms, or of the only one."""
    scans = [place for place, step in enumerate(steps) if step.startswith(("SCAN x", "SEARCH x"))]
    return steps[: scans[1]] if len(scans) > 1 else steps


@pytest.fixture
def filled(migrated: sqlite3.Connection) -> sqlite3.Connection:
    migrated.execute("PRAGMA foreign_keys = OFF")
    migrated.execute(STORED, {"rows": ROWS})
    return migrated


@pytest.mark.parametrize("told", [True, False], ids=["sums", "counts"])
@pytest.mark.parametrize("names", IN_ORDER, ids=" ".join)
def test_connections_are_counted_in_the_order_of_an_index(migrated, names: list[str], told: bool):
    by_day = any(name.startswith("created") for name in names)

    steps = of_plain_rows(sql_plans.plan(migrated, statement(CONNECTIONS, names, told=told)))

    (scan,) = [step for step in steps if step.startswith(("SCAN x", "SEARCH x"))]
    if by_day:
        assert scan == (BY_DAY_ALONE if len(names) == 1 else BY_DAY_AND_MORE)
    else:
        assert scan == BY_SERVICE or names == ["target_service"]
        assert "COVERING" in scan
    # What is sorted are the groups of the scan.
    assert "SCAN c" in steps[: steps.index(SORTED)]


def test_whether_all_rows_are_plain_is_known_without_reading_them(migrated):
    steps = sql_plans.plan(migrated, statement(CONNECTIONS, ["created_day"]))

    assert "SCAN connections USING INDEX connections_odd" in steps
    assert [step for step in steps if step.startswith("SEARCH connections ")] == [
        f"SEARCH connections USING COVERING INDEX connections_by_request_count (request_count{sign}?)"
        for sign in "><"
    ]


def test_contexts_are_counted_by_owner_in_the_order_of_an_index(migrated):
    steps = sql_plans.plan(migrated, statement(CONTEXTS, ["owner"]))

    assert "SCAN x USING COVERING INDEX contexts_by_owner_and_name" in steps


def test_rows_are_not_fetched_in_the_order_of_an_index_that_lacks_a_column(migrated):
    endpoint = Compare("target_endpoint", "contains", "e")

    steps = of_plain_rows(
        sql_plans.plan(migrated, statement(CONNECTIONS, ["status"], where=endpoint))
    )

    assert "SCAN x" in steps
    assert steps.index("SCAN x") < steps.index(SORTED)


# Of 200,000 connections, 16 to 25 steps each take some 10 to 25 ms of a CPU (docs/decisions/0038).
@pytest.mark.parametrize(
    ("names", "told", "most"),
    [
        *((["status"], False, 11), (["status"], True, 20)),
        *((["target_service"], False, 11), (["target_service"], True, 19)),
        *((["connection_type", "source_type"], True, 25), (["installation"], True, 27)),
        *((["created_day"], False, 12), (["created_month"], True, 20)),
    ],
)
def test_each_connection_takes_few_steps(filled, names: list[str], told: bool, most: int):
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    filled.set_progress_handler(count, 1)
    rows(filled, statement(CONNECTIONS, names, told=told))
    filled.set_progress_handler(None, 1)

    assert steps / ROWS < most


def combinations() -> Iterator[tuple[GroupKey, ...]]:
    keys = GROUPINGS[CONNECTIONS].keys.values()
    for number in (1, 2, 3):
        for each in itertools.combinations(keys, number):
            if len({key.field for key in each}) == number:
                yield each


def test_plain_rows_are_counted_as_all_others_are(filled):
    for keys in combinations():
        asked = statement(CONNECTIONS, [key.name for key in keys])

        plain, sure = rows(filled, asked), rows(filled, Statement(asked.narrow, asked.bind))

        assert plain[0][1] not in (None, "[]")
        assert plain == sure, keys


def rows(connection: sqlite3.Connection, asked: Statement) -> list[Values]:
    return connection.execute(*UNRESTRICTED.of(asked)).fetchall()
