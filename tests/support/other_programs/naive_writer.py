"""Writes instants as programs do that share the database, one transaction for each line on stdin.

Run as `python -m tests.support.other_programs.naive_writer DATABASE SEED`. It needs no module of ours. What
each instant stands for, in milliseconds, is kept in a table of its own, `meant`.
"""

import contextlib
import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

MEANT = "CREATE TABLE IF NOT EXISTS meant (row, name, at, PRIMARY KEY (row, name)) WITHOUT ROWID"
MEAN = "INSERT OR REPLACE INTO meant VALUES (?, ?, ?)"
MOST_ROWS = 60  # of each table
DAY = 86_400_000
FIRST = 1_767_139_200_000  # 31 December 2025: two days around which the order of texts is wrong
KEYS = {
    "actors": "chitty_id",
    "contexts": "chitty_id",
    "installations": "installation_id",
    "connections": "connection_id",
}
INSTANTS = {
    "actors": ["created_at", "updated_at", "last_seen_at"],
    "contexts": ["created_at", "updated_at", "deleted_at"],
    "installations": ["installed_at", "updated_at", "suspended_at", "uninstalled_at"],
    "connections": [
        *("created_at", "updated_at", "last_used_at", "last_health_check", "disconnected_at")
    ],
}
REQUIRED = {"created_at", "updated_at", "installed_at"}
# Among the rows that others wrote.
OWN_ROWS = {table: f"{key} LIKE 'CHITTY-{table}-%'" for table, key in KEYS.items()}
OWN_ROWS["installations"] = f"installation_id BETWEEN 1 AND {MOST_ROWS}"
WITH_DEFAULT = "SELECT name FROM pragma_table_info(?) WHERE dflt_value IS NOT NULL"


def _calendar(form: str, hours: float = 0, ends: str = "") -> Callable[[int], str]:
    def written(at: int) -> str:
        zone = timezone(timedelta(hours=hours))
        return (datetime.fromtimestamp(at // 1000, UTC).astimezone(zone)).strftime(form) + ends

    return written


# How an instant is written, and to how many milliseconds it is exact.
FORMS: list[tuple[int, Callable[[int], Any]]] = [
    (1000, _calendar("%Y-%m-%d %H:%M:%S")),
    (1000, _calendar("%Y-%m-%d %H:%M:%S")),
    (1000, _calendar("%Y-%m-%dT%H:%M:%S")),
    (1000, _calendar("%Y-%m-%dT%H:%M:%S", ends="Z")),
    (1000, _calendar("%Y-%m-%dt%H:%M:%S", ends="z")),
    (1000, _calendar("%Y-%m-%dT%H:%M:%S", 2, "+02:00")),
    (1000, _calendar("%Y-%m-%d %H:%M:%S", -5.5, "-0530")),
    (1000, _calendar("%Y-%m-%d %H:%M:%S", 1, "+01")),
    (60_000, _calendar("%Y-%m-%d %H:%M")),
    (DAY, _calendar("%Y-%m-%d")),
    (1000, lambda at: at // 1000),
    (1000, lambda at: str(at // 1000)),
    (1, lambda at: at),
    (1, lambda at: str(at)),
    (1, lambda at: at / 1000),
    (1, lambda at: f"{_calendar('%Y-%m-%dT%H:%M:%S')(at)}.{at % 1000:03}Z"),
    (1, lambda at: f"{_calendar('%Y-%m-%d %H:%M:%S')(at)}.{at % 1000:03}789"),
    (100, lambda at: f"{_calendar('%Y-%m-%d %H:%M:%S')(at)}.{at % 1000 // 100}"),
]


def instant(chance: random.Random) -> tuple[Any, int]:
    """An instant in some form, and the milliseconds that it stands for."""
    exact, written = chance.choice(FORMS)
    at = (FIRST + chance.randrange(2 * DAY)) // exact * exact
    return written(at), at


class Writer:
    """One program that writes to the four tables as the original does."""

    def __init__(self, connection: sqlite3.Connection, seed: int) -> None:
        self.connection = connection
        self.chance = random.Random(seed)
        self.count = {table: self._counted(table) for table in KEYS}
        self.left_out = {table: REQUIRED & self._with_default(table) for table in KEYS}
        connection.execute(MEANT)

    def _counted(self, table: str) -> int:
        sql = f"SELECT count(*) FROM {table} WHERE {OWN_ROWS[table]}"
        ((count,),) = self.connection.execute(sql)
        return int(count)

    def _with_default(self, table: str) -> set[str]:
        return {name for (name,) in self.connection.execute(WITH_DEFAULT, [table])}

    def write(self) -> None:
        """One transaction: a few new or changed rows."""
        self.connection.execute("BEGIN IMMEDIATE")
        for _ in range(self.chance.choice([1, 1, 2, 5])):
            table = self.chance.choice(list(KEYS))
            if self.count[table] == 0 or self.chance.random() < 0.5 < self._room(table):
                self.add(table)
            else:
                self.change(table)
        self.connection.execute("COMMIT")

    def _room(self, table: str) -> int:
        return MOST_ROWS - self.count[table]

    def add(self, table: str) -> None:
        """A new row, whose times are given or the table's DEFAULT, or an old one replaced."""
        number = self.count[table]
        if number and self.chance.random() < 0.2:
            number = self.chance.randrange(number)
        self.count[table] = max(self.count[table], number + 1)
        values = dict(self._plain(table, number))
        key = values[KEYS[table]]
        self.connection.execute("DELETE FROM meant WHERE row = ?", (f"{table} {key}",))
        for name in INSTANTS[table]:
            is_left_to_default = name in self.left_out[table] and self.chance.random() < 0.2
            if not is_left_to_default and (name in REQUIRED or self.chance.random() < 0.4):
                values[name] = self._meant(table, key, name)
        columns, marks = ", ".join(values), ", ".join("?" for _ in values)
        defaults = sorted(REQUIRED & {*INSTANTS[table]} - values.keys())
        sql = f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({marks})"
        if not defaults:
            self.connection.execute(sql, [*values.values()])
            return
        # RETURNING tells what DEFAULT made of the time, before any trigger acts.
        ((*made,),) = self.connection.execute(
            f"{sql} RETURNING {', '.join(defaults)}", [*values.values()]
        ).fetchall()
        for name, text in zip(defaults, made, strict=True):
            moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
            self.mean(table, key, name, int(moment.timestamp()) * 1000)

    def change(self, table: str) -> None:
        """Set some instants of a row, or none."""
        number = self.chance.randrange(self.count[table])
        key = dict(self._plain(table, number))[KEYS[table]]
        for name in self.chance.sample(INSTANTS[table], self.chance.choice([1, 1, 2])):
            if name in REQUIRED or self.chance.random() < 0.8:
                value = self._meant(table, key, name)
            else:
                value = self.chance.choice([None, ""])
                self.mean(table, key, name, None)
            self.connection.execute(
                f"UPDATE {table} SET {name} = ? WHERE {KEYS[table]} = ?", (value, key)
            )

    def _meant(self, table: str, key: Any, name: str) -> Any:
        value, at = instant(self.chance)
        self.mean(table, key, name, at)
        return value

    def mean(self, table: str, key: Any, name: str, at: int | None) -> None:
        self.connection.execute(MEAN, (f"{table} {key}", name, at))

    def _plain(self, table: str, number: int) -> Iterator[tuple[str, Any]]:
        """The columns that are no instants."""
        yield KEYS[table], number + 1 if table == "installations" else f"CHITTY-{table}-{number}"
        if table == "actors":
            yield from (("actor_type", "human"), ("display_name", f"actor {number % 7}"))
        elif table == "contexts":
            yield from (("name", f"context {number}"), ("owner_chitty_id", "CHITTY-actors-0"))
            yield "status", self.chance.choice(["active", "inactive", "deleted"])
        elif table == "installations":
            yield from (("chitty_id", f"CHITTY-INSTALLATION-{number}"), ("account_id", number))
            yield from (("account_login", "octo"), ("account_type", "User"))
            yield "repository_selection", "all"
        else:
            yield from (("source_chitty_id", "CHITTY-contexts-0"), ("source_type", "context"))
            yield "target_service", f"service {number}"
            yield "status", self.chance.choice(["active", "failed", "disconnected"])


def connect(path: Path) -> Any:
    """A connection of this program, closed on leaving."""
    return contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=60))


def main(path: str, seed: str) -> None:
    with connect(Path(path)) as connection:
        writer = Writer(connection, int(seed))
        for _ in sys.stdin:
            writer.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
