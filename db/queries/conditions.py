"""Conditions over rows, and the SQL that they become.

A condition is a value: it can be compared, hashed (loaders batch by it) and turned into SQL whose text
depends on its shape alone, with every operand bound. SQL's third truth value never leaks out of a
negation: `IS NOT TRUE` makes a row either match a condition or its negation.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from db.model.tables import Relation, Table
from db.program import Value
from db.security import row_security

# A stored JSON list as a table of its items; what is no JSON is an empty list.
_ITEMS = "json_each(CASE WHEN json_valid({column}) THEN {column} ELSE '[]' END)"
_GIVEN = "(SELECT value FROM json_each({operand}))"

OPERATORS = {
    "eq": "{column} = {operand}",
    "eq_unindexed": "+{column} = {operand}",  # the + keeps SQLite from using an index on the column
    "not": "{column} IS NOT {operand}",
    "in": "{column} IN " + _GIVEN,
    "gt": "{column} > {operand}",
    "gte": "{column} >= {operand}",
    "lt": "{column} < {operand}",
    "lte": "{column} <= {operand}",
    "contains": "instr({column}, {operand}) > 0",
    "starts_with": "instr({column}, {operand}) = 1",
    "is_null": "{column} IS NULL",
    "is_not_null": "{column} IS NOT NULL",
    "has": "{operand} IN (SELECT value FROM " + _ITEMS + ")",
    "has_any": "EXISTS (SELECT 1 FROM " + _ITEMS + " AS item WHERE item.value IN " + _GIVEN + ")",
    "has_all": (
        "NOT EXISTS (SELECT 1 FROM json_each({operand}) AS given"
        " WHERE (given.value IN (SELECT value FROM " + _ITEMS + ")) IS NOT TRUE)"
    ),
    "is_empty": "NOT EXISTS (SELECT 1 FROM " + _ITEMS + ")",
    "is_not_empty": "EXISTS (SELECT 1 FROM " + _ITEMS + ")",
}


@dataclass(frozen=True, slots=True)
class Compare:
    """A column against an operand, by one of OPERATORS; lists are operands as JSON text."""

    column: str
    operator: str
    operand: Value = None


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; true of every row where there is none."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; true of no row where there is none."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold, or cannot be told."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Related:
    """Some row that the relation leads to meets `where`; `live` leaves out the soft-deleted ones."""

    relation: Relation[Any]
    where: "Condition"
    live: bool


Condition: TypeAlias = Compare | All | AnyOf | Not | Related

EVERYTHING = All(())


@dataclass(slots=True)
class Binder:
    """Collects the operands of one statement and names its rows."""

    bind: dict[str, Value] = field(default_factory=dict)
    rows: int = 0

    def value(self, value: Value) -> str:
        """The placeholder of a newly bound value."""
        name = f"v{len(self.bind)}"
        self.bind[name] = value
        return f":{name}"

    def row(self) -> str:
        """A new alias for a row."""
        self.rows += 1
        return f"r{self.rows}"


def to_sql(condition: Condition, row: str, binder: Binder) -> str:
    """The condition as SQL over the row with this alias."""
    match condition:
        case Compare(column, operator, operand):
            name = f"{row}.{column}"
            template = OPERATORS[operator]
            bound = binder.value(operand) if "{operand}" in template else ""
            return template.format(column=name, operand=bound)
        case All(parts):
            return _joined(" AND ", parts, row, binder) if parts else "TRUE"
        case AnyOf(parts):
            return _joined(" OR ", parts, row, binder) if parts else "FALSE"
        case Not(part):
            return f"({to_sql(part, row, binder)}) IS NOT TRUE"
        case Related():
            return _related(condition, row, binder)


def _joined(word: str, parts: tuple[Condition, ...], row: str, binder: Binder) -> str:
    return "(" + word.join(to_sql(part, row, binder) for part in parts) + ")"


def _related(condition: Related, row: str, binder: Binder) -> str:
    relation, child = condition.relation, binder.row()
    parent = f"{row}.{relation.column}"
    table, belonging = rows_of(relation, child, parent)
    conditions = [belonging, *listed_rows(relation.child, child, live=condition.live)]
    if relation.shared and _leads_to_many(condition.where):
        conditions.append(_asked_once(relation.child, child, condition.where, binder))
    else:
        conditions.append(to_sql(condition.where, child, binder))
    exists = f"EXISTS (SELECT 1 FROM {table} AS {child} WHERE {all_of(conditions)})"
    only = relation.only.format(row=row)
    return f"({only} AND {exists})" if only else exists


def _asked_once(table: Table[Any], row: str, where: Condition, binder: Binder) -> str:
    """SQL: the row meets the condition, which each row of the table is asked once in the statement.

    A row that many lead to would be asked by each of them, and would ask as many in turn: the work would
    grow by a power with each relation of the filter.
    """
    each = binder.row()
    condition = to_sql(where, each, binder)
    # The + keeps SQLite from beginning with these rows, and sorting the whole list that it is asked for.
    return f"+{row}.rowid IN (SELECT {each}.rowid FROM {table.listed} AS {each} WHERE {condition})"


def _leads_to_many(condition: Condition) -> bool:
    """Whether a condition asks several rows of one, by whichever way."""
    match condition:
        case All(parts) | AnyOf(parts):
            return any(map(_leads_to_many, parts))
        case Not(part):
            return _leads_to_many(part)
        case Related(relation, where, _):
            return relation.many or _leads_to_many(where)
    return False


def unindexed(condition: Condition, besides: Collection[str]) -> Condition:
    """The condition, with equalities that no index is to be used for, but for those on `besides`."""
    match condition:
        case Compare(column, "eq", operand) if column not in besides:
            return Compare(column, "eq_unindexed", operand)
        case All(parts):
            return All(tuple(unindexed(part, besides) for part in parts))
    return condition


def belongs(relation: Relation[Any], row: str, parent: str) -> str:
    """SQL: the row is one that the relation leads to from the parent's value."""
    return relation.match.format(row=row, parent=parent)


def rows_of(relation: Relation[Any], row: str, parent: str) -> tuple[str, str]:
    """SQL: what stands for the child's table, and that a row belongs to the parent's value.

    Of many rows those that a viewer sees are found from what is its own. Others may own most of what
    belongs to a parent, and how long it takes to pass them by would tell how much that is.
    """
    if relation.whole:
        return relation.child.picked, _all_belong(relation, row, parent)
    table = relation.child.listed if relation.many else relation.child.seen
    return table, belongs(relation, row, parent)


def _all_belong(relation: Relation[Any], row: str, parent: str) -> str:
    """SQL like `belongs`, of rows that are seen all or none: no row does where the viewer sees none.

    The viewer's rights are looked at once for each parent, and not for each row (W2 of `--auth`).
    """
    values = {name: value.format(parent=parent) for name, value in relation.whole.items()}
    (column, _), *others = values.items()
    same = (f" AND {row}.{name} = {value}" for name, value in others)
    return f"{row}.{column} = {row_security.allowed(relation.child, values)}{''.join(same)}"


def listed_rows(table: Table[Any], row: str, *, live: bool) -> list[str]:
    """SQL conditions: which rows of a table are listed; `live` leaves out the soft-deleted ones."""
    return [table.live.format(row=row)] if live else []


def all_of(conditions: list[str]) -> str:
    """SQL: the conditions together."""
    return " AND ".join(conditions) if conditions else "TRUE"
