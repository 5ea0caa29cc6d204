"""Registries of random rows, whose values are all canonical or may be anything that other programs store."""

import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from db.model import column_types
from db.model.tables import Column, Table
from db.program import Value
from tests.support.registries import random_registries
from tests.support.registries.databases import made_once, new_registry

# Cursors are authenticated with this key, so that the operations which hold one can be made again.
CURSOR_KEY = "5e" * 32
SIZES = {"actors": 60, "installations": 60, "contexts": 80, "connections": 100}
NON_CANONICAL_ROWS = 0.15
DANGLING = 0.08

TEXTS = (
    "",
    " ",
    "a\x00b",
    "\x01\x1e\x1f\x7f\x80",
    "'\"\\/\b\f\n\r\t`",
    "\u2028\u2029\ufeff",
    "\uffff\ufffd\ue000",
    "🦊\U0010ffff",
    "e\u0301\u202e",
    "</script>{{}}%s:v0",
    "CHITTY-ACTOR-ada",
    "x" * 3000,
)
NUMBERS = (0, -1, 7, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63))
ANY: tuple[Value, ...] = (
    None,
    *NUMBERS,
    1.5,
    1.0,
    1e300,
    -0.0,
    float("inf"),
    b"",
    b"ada",
    b"\xff\x00",
)
INSTANTS = (
    "2025-10-21 18:52:06",
    "2025-10-21",
    "20251021T185206Z",
    "2025-10-21T18:52:06.123456+02:00",
    "2026-03-17t09:30:00z",
    "2026-02-30T00:00:00.000Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999-01:00",
    "yesterday",
    "",
)
DEEP = 70
JSON = (
    "",
    " ",
    "null",
    "not json",
    "[",
    '"text"',
    "7",
    "[1]",
    '["ada",null]',
    '["ada","ada","b\\u00e9","\\ud83e\\udd8a","\\u0000"]',
    '["\\ud800"]',
    "[" * DEEP + "]" * DEEP,
    "{}",
    ' { "a" : 1 , "b" : [ true , false , null ] } ',
    '{"a":1,"a":2}',
    '{"a":12345678901234567890}',
    '{"a":9223372036854775807,"b":-9223372036854775808,"c":9007199254740993}',
    '{"a":1e999}',
    '{"a":[{"b":-' + "9" * 308 + '}],"c":18446744073709551616}',
    '{"a":' + "9" * 309 + "}",
    '{"a":NaN}',
    '{"a":1.0,"b":0.1,"c":1e5,"d":-0.0,"e":1e-7,"f":1e16,"g":123456789.123456789,"h":1E2}',
    '{"a":"\\ud83e"}',
    '{"\\u0000🦊":"\\u2028\\/","":""}',
    '{"a":' * DEEP + "1" + "}" * DEEP,
    '{"contents":"read","issues":"write","z":"admin"}',
    '{"contents":1}',
    '{"contents":null}',
    "{a:1}",
)
ENUMS = ("archived", "ACTIVE", "", "Active ", "user", "context")
NON_CANONICAL: dict[column_types.ColumnType, tuple[Value, ...]] = {
    column_types.INSTANT: (*INSTANTS, *ANY),
    column_types.STRING_LIST: (*JSON, *ANY),
    column_types.OBJECT: (*JSON, *ANY),
    column_types.TEXT: (*TEXTS, *ANY),
    column_types.CHITTY_ID: (*TEXTS, *ANY),
    column_types.INT: (*NUMBERS, "12", "x", *ANY),
    column_types.BIG_INT: (*NUMBERS, "12", "x", *ANY),
}
NON_CANONICAL_KEYS: tuple[Value, ...] = (*TEXTS, *ANY)
_REFERENCE = re.compile(r" REFERENCES \w+ \(\w+\)")
_CHECK = re.compile(r"CHECK \((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")


def fill_canonical(path: Path, seed: int) -> None:
    """Make a registry whose values the schema can all express."""
    _fill(path, seed, canonical=True)


def fill(path: Path, seed: int) -> None:
    """Make a registry whose tables may hold anything anywhere."""
    _fill(path, seed, canonical=False)


@made_once
def _fill(path: Path, seed: int, *, canonical: bool) -> None:
    new_registry(path)
    if not canonical:
        loosen(path)
    chance = random.Random(seed)
    made = random_registries.made(seed, **SIZES)
    with closing(sqlite3.connect(path)) as connection:
        for table in random_registries.ORDER:
            marks = ", ".join("?" for _ in table.columns)
            for row in made.of(table):
                values = (
                    _varied_row(table, row, chance)
                    if canonical
                    else _non_canonical_row(table, row, chance)
                )
                connection.execute(
                    f"INSERT OR IGNORE INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})",
                    values,
                )
        connection.execute(
            "INSERT INTO server_keys (name, value, created_at) VALUES ('cursors', ?, ?)",
            (CURSOR_KEY, random_registries.INSTANTS[0]),
        )
        connection.commit()


def loosen(path: Path) -> None:
    """Take types and constraints off the tables, as those of an adopted database may have none."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        for table in random_registries.ORDER:
            (sql,) = connection.execute(
                "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (table.name,)
            ).fetchone()
            loose = _REFERENCE.sub("", _CHECK.sub("", sql))
            loose = re.sub(r" TEXT\b| INTEGER\b(?! NOT NULL PRIMARY)", "", loose)
            connection.execute(
                "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?",
                (loose.replace(" NOT NULL", ""), table.name),
            )
        connection.commit()


def _varied_row(table: Table[Any], row: Any, chance: random.Random) -> list[Value]:
    return [_varied(column, getattr(row, name), chance) for name, column in table.columns.items()]


def _varied(column: Column, value: Value, chance: random.Random) -> Value:
    """Fill some of the columns that `random_registries` leaves empty."""
    if value is None and column.name.endswith("_url") and chance.random() < 0.5:
        return "https://example.org/🦊.png"
    if value is None and column.type is column_types.CHITTY_ID and "dna" in column.name:
        return chance.choice([None, "CHITTY-DNA-000001-AAAA"])
    if value == "{}" and chance.random() < 0.5:
        return '{"contents": "read", "issues": "write"}'
    return value


def _non_canonical_row(table: Table[Any], row: Any, chance: random.Random) -> list[Value]:
    values = dict(zip(table.columns, _varied_row(table, row, chance), strict=True))
    for name in table.columns:
        if name.endswith("_chitty_id") and chance.random() < DANGLING:
            values[name] = "CHITTY-ACTOR-999999-ZZZZ"
    if chance.random() < NON_CANONICAL_ROWS:
        for name in chance.sample(list(table.columns), chance.choice([1, 1, 2, 4])):
            values[name] = _non_canonical_value(table, table.columns[name], chance)
    return list(values.values())


def _non_canonical_value(table: Table[Any], column: Column, chance: random.Random) -> Value:
    if column.name == table.key:
        return chance.choice(NUMBERS if column.type is column_types.BIG_INT else NON_CANONICAL_KEYS)
    return chance.choice(NON_CANONICAL.get(column.type, (*ENUMS, *ANY)))
