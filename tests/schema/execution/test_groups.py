"""Groups over odd values, bad arguments and large sums; a list that is only grouped reads no rows."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from resolvers import loaders
from tests.support.corpus import non_canonical
from tests.support.expectations.statement_counts import fill, watched
from tests.support.registries.databases import elsewhere, new_registry
from tests.support.services.api import Api, running

AT = "2026-01-01T00:00:00.000Z"
MOST = str(2**63 - 1)
ADD = """
    INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service, status,
        connection_type, request_count, error_count, installation_id, last_used_at, created_at, updated_at)
    VALUES (:id, :id, 'actor', :service, :status,
        'api', :requests, 0, :installation, :used, :created, :created)
"""
ORDINARY: dict[str, Any] = {
    "service": "github",
    "status": "active",
    "requests": 1,
    "installation": None,
    "used": None,
    "created": AT,
}


class Both:
    """One file under compiled and under generic execution."""

    def __init__(self, path: Path, compiled: Api, generic: Api) -> None:
        self.path, self.compiled, self.generic = path, compiled, generic

    def put(self, *rows: dict[str, Any]) -> None:
        with elsewhere(self.path) as connection:
            for number, row in enumerate(rows):
                values, sql = {"id": f"c{number}"} | ORDINARY | row, ADD
                for name, value in list(values.items()):
                    # JSON has no bytes, and to a Worker all numbers are floats.
                    if isinstance(value, bytes | int):
                        literal = f"x'{value.hex()}'" if isinstance(value, bytes) else str(value)
                        sql = sql.replace(f":{name}", literal)
                        del values[name]
                connection.execute(sql, values)

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        compiled = await self.compiled.post(query, **variables)
        assert await self.generic.post(query, **variables) == compiled
        return compiled

    async def groups(self, arguments: str, selection: str) -> Any:
        query = f"{{ connections {{ groups({arguments}) {{ {selection} }} }} }}"
        answer = await self.answer(query)
        assert "errors" not in answer, answer
        return [list(group.values()) for group in answer["data"]["connections"]["groups"]]


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[Both]:
    """A registry without rows, whose columns may hold anything."""
    path = new_registry(tmp_path / "registry.db")
    non_canonical.loosen(path)
    async with AsyncExitStack() as stack:
        apis = [
            await stack.enter_async_context(running(path, compiled=compiled))
            for compiled in (True, False)
        ]
        yield Both(path, *apis)


async def test_days_and_months_are_those_of_utc_whatever_form_an_instant_has(both):
    both.put(
        {"created": "2026-01-31T23:30:00.000Z"},
        {"created": "2026-01-31 22:00:00"},
        {"created": "2026-01-31T23:30:00-02:00"},
        {"created": "2026-02-01"},
        {"created": "2026-02-30T00:00:00.000Z"},
        {"created": "yesterday"},
        {"created": "now"},
        {"created": b"2026-01-31"},
        {"created": 2_461_000},
        {"created": None},
    )

    days = await both.groups("by: CREATED_DAY, orderBy: KEY_ASC", "created count")
    months = await both.groups("by: CREATED_MONTH, orderBy: KEY_ASC", "created count")

    assert days == [[None, 6], ["2026-01-31T00:00:00.000Z", 2], ["2026-02-01T00:00:00.000Z", 2]]
    assert months == [[None, 6], ["2026-01-01T00:00:00.000Z", 2], ["2026-02-01T00:00:00.000Z", 2]]


async def test_values_that_no_field_shows_are_one_group_with_null(both):
    both.put(
        {"status": "active"},
        {"status": " ACTIVE"},
        {"status": "gone"},
        {"status": ""},
        {"status": 7},
    )

    groups = await both.groups("by: STATUS, orderBy: KEY_ASC", "status count")

    assert groups == [[None, 3], ["ACTIVE", 2]]


async def test_services_of_any_text_are_groups_of_their_own(both):
    texts = ["", " ", "a\0b", "\x1e\x1f\x1d", "Ada", "ada", "🦊\U0010ffff", '"\\']
    both.put(*[{"service": text} for text in texts], {"service": 7}, {"service": b"\xff"})

    groups = await both.groups("by: TARGET_SERVICE, orderBy: KEY_ASC", "targetService count")

    assert groups == [[None, 1], *[[text, 1] for text in sorted([*texts, "7"])]]


async def test_texts_differ_by_case_although_their_column_does_not_tell_cases_apart(tmp_path):
    path = new_registry(tmp_path / "registry.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'target_service TEXT',"
            " 'target_service TEXT COLLATE NOCASE') WHERE name = 'connections'"
        )
        connection.commit()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("REINDEX connections")
    async with running(path) as compiled, running(path, compiled=False) as generic:
        both = Both(path, compiled, generic)
        both.put({"service": "Ada"}, {"service": "ada", "status": "failed"}, {"service": "ada"})

        groups = await both.groups("by: TARGET_SERVICE", "targetService count")
        by_day = await both.groups("by: [CREATED_DAY, TARGET_SERVICE]", "targetService count")

    assert groups == by_day == [["ada", 2], ["Ada", 1]]


async def test_objects_that_are_not_there_are_one_group_with_null(both):
    both.put({"installation": 1}, {"installation": 2}, {"installation": None})

    groups = await both.groups("by: INSTALLATION", "installation { id } count")

    assert groups == [[None, 3]]


@pytest.mark.parametrize(
    ("counts", "total"),
    [
        ([2**63 - 1, 1], MOST),
        ([2**63 - 1] * 5, MOST),
        ([-(2**63)] * 3, str(-(2**63))),
        ([2**63 - 1, -(2**63)], "-1"),
        ([2**62, 2**62, -1], MOST),
        ([-5, 3], "-2"),
        ([None, 4], "4"),
        ([None], "0"),
        (["seven", 4, 2.0], "6"),
        ([2**32 - 1] * 3, str(3 * (2**32 - 1))),
        ([2**32, 2**32 - 1], str(2**33 - 1)),
        ([-(2**32) + 1, -1, 5], str(-(2**32) + 5)),
        ([-(2**32), -(2**32) - 1], str(-(2**33) - 1)),
    ],
)
async def test_sums_end_at_the_largest_number_of_64_bits(both, counts, total):
    both.put(*[{"requests": count} for count in counts])

    assert await both.groups("by: STATUS", "requests errors") == [[total, "0"]]


async def test_the_last_use_is_the_latest_instant_in_any_form(both):
    both.put(
        {"used": "2026-03-01T10:00:00.000Z"},
        {"used": "2026-03-01 11:00:00"},
        {"used": "yesterday"},
        {"used": "2026-02-31T00:00:00.000+00:00"},
        {"used": None},
        {"used": None, "status": "failed"},
    )

    groups = await both.groups("by: STATUS", "status lastUsedAt")

    assert groups == [["ACTIVE", "2026-03-01T11:00:00.000Z"], ["FAILED", None]]


async def test_equal_groups_are_in_the_order_of_their_keys(both):
    both.put(*[{"service": name} for name in "cabbc"], {"service": "b", "status": "failed"})
    by = "by: [TARGET_SERVICE, STATUS]"

    most = await both.groups(f"{by}, first: 3", "targetService status count")
    fewest = await both.groups(f"{by}, orderBy: COUNT_ASC", "targetService status")
    last = await both.groups(f"{by}, orderBy: KEY_DESC, first: 2", "targetService status")

    assert most == [["b", "ACTIVE", 2], ["c", "ACTIVE", 2], ["a", "ACTIVE", 1]]
    assert fewest == [["a", "ACTIVE"], ["b", "FAILED"], ["b", "ACTIVE"], ["c", "ACTIVE"]]
    assert last == [["c", "ACTIVE"], ["b", "FAILED"]]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("by: []", "BAD_GROUPS"),
        ("by: [STATUS, STATUS]", "BAD_GROUPS"),
        ("by: [CREATED_DAY, CREATED_MONTH]", "BAD_GROUPS"),
        ("by: [STATUS, TARGET_SERVICE, SOURCE_TYPE, INSTALLATION]", "BAD_GROUPS"),
        ("by: STATUS, first: 0", "BAD_PAGE"),
        ("by: STATUS, first: -1", "BAD_PAGE"),
        ("by: STATUS, first: 1001", "BAD_PAGE"),
        ("by: STATUS, first: 2147483647", "BAD_PAGE"),
    ],
)
async def test_arguments_out_of_range_are_refused_with_a_code(both, arguments, code):
    answer = await both.answer(f"{{ connections {{ groups({arguments}) {{ count }} }} }}")

    assert answer["data"] == {"connections": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]
    assert answer["errors"][0]["path"] == ["connections", "groups"]


async def test_keys_order_and_number_may_be_variables_and_change_with_them(both):
    both.put({"service": "a"}, {"service": "b", "status": "failed"})
    query = """query ($by: [ConnectionGroupBy!]!, $order: GroupOrder! = KEY_ASC, $first: Int) {
        connections { groups(by: $by, orderBy: $order, first: $first) { status targetService } } }"""

    found = [
        (await both.answer(query, **variables))["data"]["connections"]["groups"]
        for variables in (
            {"by": ["STATUS"]},
            {"by": "TARGET_SERVICE", "order": "KEY_DESC", "first": 1},
            {"by": ["STATUS"], "first": None},
        )
    ]

    assert found == [
        [{"status": name, "targetService": None} for name in ("ACTIVE", "FAILED")],
        [{"status": None, "targetService": "b"}],
        [{"status": name, "targetService": None} for name in ("ACTIVE", "FAILED")],
    ]


async def test_a_list_that_is_only_grouped_takes_one_statement_that_reads_no_rows(tmp_path: Path):
    async with watched(tmp_path / "registry.db") as registry:
        await fill(registry, 30)

        asked = await registry.asked("{ connections { groups(by: STATUS) { status count } } }")
        resolved = await registry.statements("{ connections { groups(by: STATUS) { count } } }")

    assert registry.answer == {"connections": {"groups": [{"count": 180}]}}
    assert len(asked) == len(resolved) == 1
    assert "connection_id" not in asked[0].statement.sql


async def test_groups_count_as_rows_that_are_read(both, monkeypatch):
    monkeypatch.setattr(loaders, "ROWS_PER_OPERATION", 2)
    monkeypatch.setattr("schema.compiled.plan.ROWS_PER_OPERATION", 2)
    both.put(*[{"service": name} for name in "abc"])
    query = "{ connections { groups(by: TARGET_SERVICE, first: %d) { count } } }"

    few = await both.answer(query % 2)
    many = await both.answer(query % 3)

    assert "errors" not in few
    assert many["errors"][0]["extensions"]["code"] == "TOO_MANY_ROWS"
