"""What a registry holds of an actor in known places: its row, its changes, what was kept of its row."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from db.commands import kept_answers
from db.erasing import places
from db.erasing.sql_functions import MENTIONS
from db.model import column_types
from db.model.chitty_id import DID
from db.model.instants import LATER
from db.model.tables import ACTORS
from db.program import Value
from db.sqlite.catalog import Object

# Other programs may have stored it in either form. Statements bind `:chitty_id` and `:now`.
IS_ACTOR = f"{{key}} IN (:chitty_id, '{DID}' || :chitty_id)"
OWN_CHANGES = f"kind = 'actors' AND {IS_ACTOR.format(key='key')}"
_SIDES, _REPLACED = ("before", "after"), ("value_before", "value_after")
_TEXTS = [name for name in ACTORS.personal if ACTORS.columns[name].type is column_types.TEXT]


@dataclass(frozen=True, slots=True)
class OwnData:
    """The actor's data in the database of a connection, whose `stored` tables are by their names."""

    connection: sqlite3.Connection
    stored: Mapping[str, Object]
    bind: Mapping[str, Value]

    def texts(self) -> Iterator[str]:
        """Each text that the actor's personal columns hold now, or ever held as far as it is kept."""
        for sql in self._selects():
            for row in self.connection.execute(sql, self.bind):
                for value in row:
                    if isinstance(value, bytes):
                        yield value.decode("utf-8", "surrogateescape")
        for side in _SIDES:
            blobs = _told(side, "{name}.blob")
            sql = f"SELECT {blobs} FROM changes WHERE {OWN_CHANGES}"
            for row in self.connection.execute(sql, self.bind):
                for value in row:
                    if isinstance(value, bytes):
                        yield bytes.fromhex(value.decode()).decode("utf-8", "surrogateescape")

    def _selects(self) -> Iterator[str]:
        own = IS_ACTOR.format(key="chitty_id")
        yield f"SELECT {_as_blobs(_TEXTS)} FROM actors WHERE {own}"
        for name in self._set_aside():
            there = [each for each in _TEXTS if each in self.stored[name].columns]
            yield f'SELECT {_as_blobs(there)} FROM "{name}" WHERE {own}'
        for side in _SIDES:
            yield f"SELECT {_told(side, '{name}')} FROM changes WHERE {OWN_CHANGES}"
        yield f"""
            SELECT {_as_blobs(_REPLACED)} FROM replaced_values
            WHERE {_OWN_REPLACED} AND column_name IN {_in_sql(_TEXTS)}
        """

    def erase_row(self) -> int:
        """Blank the personal columns of the row and take its capabilities; returns how many rows changed."""
        blanks = {**self._blanks("actors"), "capabilities": "'[]'"}
        return self._update("actors", blanks, extra=f", updated_at = {LATER}")

    def erase_set_aside(self) -> dict[str, int]:
        """Blank rows of the actor in tables that were set aside; returns how many by table."""
        return {name: self._update(name, self._blanks(name)) for name in self._set_aside()}

    def erase_changes(self) -> int:
        """Blank the actor's changes, whose triggers must be lifted."""
        blanks = ", ".join(f"'$.{name}', {new}" for name, new in self._blanks("actors").items())
        # Only what is there: `before` has the columns that changed.
        sides = {
            side: f"iif(json_valid({side}), json_replace({side}, {blanks}), NULL)"
            for side in _SIDES
        }
        return self._set("changes", sides, OWN_CHANGES)

    def erase_replaced(self) -> int:
        sides = dict.fromkeys(_REPLACED, "NULL")
        is_personal = f"column_name IN {_in_sql(ACTORS.personal)}"
        return self._set("replaced_values", sides, f"{_OWN_REPLACED} AND {is_personal}")

    def forget_answers(self) -> int:
        """Forget answers that were given to the actor, or that name it by its ChittyID or in words.

        Their requests are not carried out again. The SQL functions must be defined.
        """
        bind: dict[str, Value] = {"erased": kept_answers.ERASED}
        own = {**bind, "actor": self.bind["chitty_id"]}
        forgotten = self.connection.execute(kept_answers.ERASE, own).rowcount
        return forgotten + self.connection.execute(FORGET_OTHERS, bind).rowcount

    def erase_keys(self) -> int:
        """Revoke the actor's API keys, and forget what they were called and when they were used."""
        blanks = {
            "revoked_at": "coalesce(revoked_at, :now)",
            "label": "NULL",
            "last_used_on": "NULL",
        }
        return self._set("api_keys", blanks, IS_ACTOR.format(key="actor_chitty_id"))

    def _set_aside(self) -> list[str]:
        return [
            name
            for name, each in self.stored.items()
            if places.SET_ASIDE.fullmatch(name) and places.is_of_actors(each)
        ]

    def _blanks(self, table: str) -> dict[str, str]:
        """SQL for what the personal columns that the table has hold from now on."""
        columns = self.stored[table].columns
        return {
            name: "''" if new is None and columns[name].required else _literal(new)
            for name, new in ACTORS.personal.items()
            if name in columns
        }

    def _update(self, table: str, blanks: Mapping[str, str], *, extra: str = "") -> int:
        return self._set(f'"{table}"', blanks, IS_ACTOR.format(key="chitty_id"), extra=extra)

    def _set(self, table: str, values: Mapping[str, str], rows: str, *, extra: str = "") -> int:
        settings = ", ".join(f"{name} = {value}" for name, value in values.items())
        differs = " OR ".join(f"{name} IS NOT {value}" for name, value in values.items())
        sql = f"UPDATE {table} SET {settings}{extra} WHERE {rows} AND ({differs})"
        return self.connection.execute(sql, self.bind).rowcount


FORGET_OTHERS = f"""
    UPDATE idempotent_answers SET answer = :erased, bytes = length(:erased)
    WHERE answer <> :erased AND {MENTIONS.format(value="answer")}
"""
_OWN_REPLACED = f"table_name = 'actors' AND {IS_ACTOR.format(key='row_key')}"


def _as_blobs(columns: Iterable[str]) -> str:
    """SQL for texts as bytes, since they need not be UTF-8."""
    return ", ".join(f"CAST({column} AS BLOB)" for column in columns)


def _told(side: str, path: str) -> str:
    """SQL for what one side of a change tells of each text: NULL if that is nothing, or no JSON."""
    state = f"iif(json_valid({side}), {side}, NULL)"
    return _as_blobs(f"({state} ->> '$.{path.format(name=name)}')" for name in _TEXTS)


def _literal(value: Value) -> str:
    return "NULL" if value is None else json.dumps(value)


def _in_sql(names: Iterable[str]) -> str:
    listed = ", ".join(f"'{name}'" for name in names)
    return f"({listed})"
