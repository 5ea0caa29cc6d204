"""What makes a stored table unfit for our statements, compared with the one that the migrations make."""

from collections.abc import Iterable

from db.model import column_types
from db.model.column_types import ColumnType
from db.model.tables import TABLES
from db.sqlite.catalog import Object, StoredColumn

_KINDS: dict[tuple[str, str], ColumnType] = {
    (table.name, name): column.type for table in TABLES for name, column in table.columns.items()
}
_NUMBERS = {"INTEGER", "NUMERIC", "BLOB"}
_TEXTS = {"TEXT", "BLOB"}
# A column that turns texts which look like numbers into numbers spoils free text alone.
_FREE_TEXT = (column_types.TEXT, None)


def of(expected: Object, stored: Object) -> list[str]:
    """All but the columns that `stored` lacks."""
    name = stored.name
    if stored.type != "table":
        return [f"{name} is a {stored.type}{' table' * (stored.type == 'virtual')}, not a table"]
    differences = []
    if stored.without_rowid and not expected.without_rowid:
        differences.append(f"table {name} is WITHOUT ROWID, while pages are read by rowid")
    if "rowid" in stored.columns and not stored.columns["rowid"].place:
        differences.append(f"table {name} has a column rowid, which hides the row's own")
    for key, column in stored.columns.items():
        if key in expected.columns:
            differences += _of_column(stored, expected.columns[key], column)
        elif column.required and column.default is None and not column.generated:
            differences.append(
                f"{name}.{column.name} is NOT NULL without a DEFAULT, and nothing here fills it"
            )
    return differences


def missing_columns(needed: Iterable[str], stored: Object) -> list[str]:
    missing = [name for name in needed if name not in stored.columns]
    if not missing or stored.type != "table":
        return []
    return [f"table {stored.name} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}"]


def _of_column(table: Object, expected: StoredColumn, stored: StoredColumn) -> list[str]:
    name = f"{table.name}.{stored.name}"
    if stored.generated and not expected.generated:
        return [f"{name} is generated, so nothing can be stored in it"]
    differences = []
    kind = _KINDS.get((table.name.lower(), expected.name))
    takes = _NUMBERS if expected.affinity == "INTEGER" else _TEXTS
    free = expected.affinity == "TEXT" and kind not in _FREE_TEXT
    wrong = (
        stored.type not in (expected.type, "ANY") if table.strict else stored.affinity not in takes
    )
    if wrong and (table.strict or not free):
        differences.append(f"{name} is {stored.type}, which cannot hold what {expected.type} does")
    if stored.required and not expected.required:
        differences.append(f"{name} is NOT NULL, while no value is one of its values here")
    return differences
