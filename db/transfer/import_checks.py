"""The rules that imported rows must obey, each one a statement that rejects every row that breaks it.

They apply to the registry as it would be after the import: rows that the file replaces do not count.
"""

import sqlite3
from collections.abc import Iterator
from itertools import permutations

from db.model import column_types, instants
from db.model.chitty_id import normalised_in_sql, spellings_in_sql
from db.model.tables import REFERENCES, Column, Relation
from db.transfer.layout import BY_TYPE, TRANSFERS, Transfer, Uniqueness

_PRINCIPAL = normalised_in_sql("s.chitty_auth_principal_id")

KEY_TWICE = """
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'has the same {key} as line ' || first.line
    FROM staged_{type} AS s
    JOIN (
        SELECT {key}, min(line) AS line FROM staged_{type} GROUP BY {key} HAVING count(*) > 1
    ) AS first ON {same}
    WHERE s.line > first.line
"""
MARK_SAME = """
    UPDATE staged_{type} AS s SET state = 'same'
    WHERE EXISTS (SELECT 1 FROM registry.{type} AS old WHERE {same} AND NOT ({differs}))
"""
MARK_CHANGED = """
    UPDATE staged_{type} AS s SET state = 'changed'
    WHERE state IS NULL AND EXISTS (SELECT 1 FROM registry.{type} AS old WHERE {same})
"""
REJECT_CHANGED = """
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'is already in the registry, with another ' || substr({names}, 3)
        || ': leave the line out, or let it replace the row with --update'
    FROM staged_{type} AS s JOIN registry.{type} AS old ON {same}
    WHERE s.state = 'changed'
"""
FILL_IN = """
    UPDATE staged_{type} AS s SET {assignments}
    FROM registry.{type} AS old
    WHERE s.state IS NOT NULL AND {same}
"""
UNIQUE_IN_FILE = """
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'has the same {name} as line ' || (
        SELECT min(other.line) FROM staged_{type} AS other WHERE {clash} AND other.line <> s.line
    )
    FROM staged_{type} AS s
    WHERE s.state IS NOT 'same' AND {when} AND EXISTS (
        SELECT 1 FROM staged_{type} AS other
        WHERE {clash} AND NOT ({same}) AND (other.line < s.line OR other.state IS 'same')
    )
"""
UNIQUE_IN_REGISTRY = """
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'has the same {name} as ' || other.{key} || ' in the registry'
    FROM staged_{type} AS s JOIN registry.{type} AS other ON {clash}
    WHERE s.state IS NOT 'same' AND {when} AND NOT EXISTS (
        SELECT 1 FROM staged_{type} AS replacing WHERE {replaces}
    )
"""
ID_IN_FILE = """
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'has the ChittyID of line ' || other.line || ', which is one of the {others}'
    FROM staged_{type} AS s JOIN staged_{others} AS other ON other.chitty_id = s.chitty_id
    WHERE s.state IS NOT 'same' AND (other.line < s.line OR other.state IS 'same')
"""
ID_IN_REGISTRY = """
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'has a ChittyID that one of the {others} in the registry has'
    FROM staged_{type} AS s JOIN registry.{others} AS other ON other.chitty_id = s.chitty_id
    WHERE s.state IS NOT 'same' AND NOT EXISTS (
        SELECT 1 FROM staged_{others} AS replacing WHERE {replaces}
    )
"""
# A token names an actor by principal or ChittyID: see db.commands.actors.
PRINCIPAL_IN_FILE = f"""
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'has the ChittyID of line ' || other.line || ' as its chitty_auth_principal_id'
    FROM staged_actors AS s JOIN staged_actors AS other ON other.chitty_id = {_PRINCIPAL}
    WHERE other.chitty_id <> s.chitty_id AND (s.state IS NOT 'same' OR other.state IS NOT 'same')
"""
PRINCIPAL_IN_REGISTRY = f"""
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'has the ChittyID of ' || other.chitty_id
        || ' in the registry as its chitty_auth_principal_id'
    FROM staged_actors AS s JOIN registry.actors AS other ON other.chitty_id = {_PRINCIPAL}
    WHERE s.state IS NOT 'same' AND other.chitty_id <> s.chitty_id
        AND NOT EXISTS (SELECT 1 FROM staged_actors AS here WHERE here.chitty_id = other.chitty_id)
"""
ID_IS_PRINCIPAL = f"""
    INSERT INTO rejects (line, reason)
    SELECT s.line, 'has a chitty_id that an actor in the registry has as its chitty_auth_principal_id'
    FROM staged_actors AS s JOIN registry.actors AS other
        ON other.chitty_auth_principal_id IN {spellings_in_sql("s.chitty_id")}
    WHERE s.state IS NULL AND other.chitty_id <> s.chitty_id
        AND NOT EXISTS (SELECT 1 FROM staged_actors AS here WHERE here.chitty_id = other.chitty_id)
"""
REFERENCE = """
    INSERT INTO rejects (line, reason)
    SELECT s.line, '{column} names none of the {parents}, neither in the file nor in the registry: '
        || substr(s.{column}, 1, 100)
    FROM staged_{type} AS s
    WHERE s.state IS NOT 'same' AND s.{column} IS NOT NULL AND {only}
        AND NOT EXISTS (SELECT 1 FROM registry.{parents} AS known WHERE {in_registry})
        AND NOT EXISTS (SELECT 1 FROM staged_{parents} AS known WHERE {in_registry})
        AND s.{column} NOT IN (SELECT id FROM rejected_ids)
"""
WITH_CHITTY_ID = [each for each in TRANSFERS if "chitty_id" in each.table.columns]


def check(connection: sqlite3.Connection, *, update: bool, as_stored: bool) -> Iterator[None]:
    """Mark each staged row as new, changed or the same, and reject those that break a rule, step by step.

    Columns that a line leaves out come from the registry's row. Without `update`, changed rows are rejected.
    With `as_stored`, rows of two types may share a ChittyID, as they may in an adopted registry.
    """
    bind = {"now": instants.now()}
    for transfer in TRANSFERS:
        for sql in _marks(transfer, update=update):
            connection.execute(sql, bind if ":now" in sql else {})
            yield
    for sql in _rules(as_stored=as_stored):
        connection.execute(sql)
        yield


def _marks(transfer: Transfer, *, update: bool) -> Iterator[str]:
    columns = list(enumerate(transfer.table.columns.values()))
    names = {"type": transfer.type, "key": ", ".join(transfer.key)}
    yield KEY_TWICE.format(same=transfer.same("first", "s"), **names)
    same = transfer.same("old", "s")
    differs = " OR ".join(_differs(bit, column) for bit, column in columns)
    yield MARK_SAME.format(same=same, differs=differs, **names)
    yield MARK_CHANGED.format(same=same, **names)
    if not update:
        listed = " || ".join(
            f"iif({_differs(bit, column)}, ', {column.name}', '')" for bit, column in columns
        )
        yield REJECT_CHANGED.format(same=same, names=listed, **names)
    filled = ", ".join(_filled(bit, column) for bit, column in columns)
    yield FILL_IN.format(same=same, assignments=filled, **names)


def _differs(bit: int, column: Column) -> str:
    """SQL: the staged row `s` has another value for this column than the row `old`."""
    name, old = column.name, f"old.{column.name}"
    if column.type is column_types.INSTANT:
        old = f"coalesce({instants.as_instant(old)}, {old})"
    if column.type in (column_types.STRING_LIST, column_types.OBJECT):
        old = f"iif(json_valid({old}), json({old}), {old})"
    return (
        f"(s.columns_given & {1 << bit} AND s.{name} IS NOT old.{name} AND s.{name} IS NOT {old})"
    )


def _filled(bit: int, column: Column) -> str:
    kept = f"old.{column.name}"
    if column.name == "updated_at":
        kept = f"iif(s.state = 'same', {kept}, {instants.after(kept)})"
    return f"{column.name} = iif(s.columns_given & {1 << bit}, s.{column.name}, {kept})"


def _rules(*, as_stored: bool) -> Iterator[str]:
    for transfer in TRANSFERS:
        for unique in transfer.unique:
            yield from _unique(transfer, unique)
    for transfer, other in [] if as_stored else permutations(WITH_CHITTY_ID, 2):
        names = {"type": transfer.type, "others": other.type}
        yield ID_IN_FILE.format(**names)
        yield ID_IN_REGISTRY.format(replaces=other.same("replacing", "other"), **names)
    yield from (PRINCIPAL_IN_FILE, PRINCIPAL_IN_REGISTRY, ID_IS_PRINCIPAL)
    for relation in REFERENCES:
        yield _reference(relation)


def _unique(transfer: Transfer, unique: Uniqueness) -> Iterator[str]:
    pairs = [(each.format(row="other"), each.format(row="s")) for each in unique.of]
    clash = " AND ".join(f"{one} = {another}" for one, another in pairs)
    clash += f" AND {unique.when.format(row='other')}"
    names = {
        "type": transfer.type,
        "name": unique.name,
        "clash": clash,
        "when": unique.when.format(row="s"),
    }
    yield UNIQUE_IN_FILE.format(same=transfer.same("other", "s"), **names)
    yield UNIQUE_IN_REGISTRY.format(
        key=transfer.key[0], replaces=transfer.same("replacing", "other"), **names
    )


def _reference(relation: Relation[object]) -> str:
    match = relation.match.format(row="known", parent=f"s.{relation.column}")
    return REFERENCE.format(
        type=relation.parent.name,
        column=relation.column,
        parents=BY_TYPE[relation.child.name].type,
        only=relation.only.format(row="s") or "TRUE",
        in_registry=match,
    )


STEPS = sum(len(list(_marks(each, update=False))) for each in TRANSFERS) + len(
    list(_rules(as_stored=False))
)
