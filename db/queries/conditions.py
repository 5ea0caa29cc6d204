"""Conditions on rows, and the SQL for them, whose text depends only on the condition's shape.

Negation uses `IS NOT TRUE`, so that a row for which a condition is NULL matches the negation.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from db.model.tables import Relation, Table
from db.program import Value
from db.security import row_security

MOST_IN_A_ROW = 6
# A stored JSON list as a table of its items; a text that is not JSON has none.
_ITEMS = "json_each(CASE WHEN json_valid({column}) THEN {column} ELSE '[]' END)"
_OPERANDS = "(SELECT value FROM json_each({operand}))"

# No valid text has a byte FF, so that all texts with a prefix lie below it with that byte.
_STARTS_WITH = "({column} >= {operand} AND {column} < {operand} || x'FF')"
_BYTES = "CAST({column} AS BLOB)", "CAST({operand} AS BLOB)"
# Of an empty value, substr() gives NULL.
_END = "coalesce(substr({0}, 1 + length({0}) - length({1})), x'')".format(*_BYTES)
_ENDS_WITH = f"({{column}} IS NOT NULL AND {_END} = {_BYTES[1]})"


def _any_case(operator: str) -> str:
    """The same for texts whose ASCII letters may be in either case: SQLite's lower() changes no others."""
    return (
        operator.replace("{column}", "lower({column})")
        .replace("{operand}", "lower({operand})")
        .replace(
            "SELECT value FROM json_each(lower({operand}))",
            "SELECT lower(value) FROM json_each({operand})",
        )
    )


ANY_CASE = "_any_case"
OPERATORS = {
    "eq": "{column} = {operand}",
    "not": "{column} <> {operand}",
    "in": "{column} IN " + _OPERANDS,
    "gt": "{column} > {operand}",
    "gte": "{column} >= {operand}",
    "lt": "{column} < {operand}",
    "lte": "{column} <= {operand}",
    "contains": "instr({column}, {operand}) > 0",
    "starts_with": _STARTS_WITH,
    "ends_with": _ENDS_WITH,
    "is_null": "{column} IS NULL",
    "is_not_null": "{column} IS NOT NULL",
    "has": "{operand} IN (SELECT value FROM " + _ITEMS + ")",
    "has_any": "EXISTS (SELECT 1 FROM "
    + _ITEMS
    + " AS item WHERE item.value IN "
    + _OPERANDS
    + ")",
    "has_all": (
        "NOT EXISTS (SELECT 1 FROM json_each({operand}) AS given"
        " WHERE (given.value IN (SELECT value FROM " + _ITEMS + ")) IS NOT TRUE)"
    ),
    "is_empty": "NOT EXISTS (SELECT 1 FROM " + _ITEMS + ")",
    "is_not_empty": "EXISTS (SELECT 1 FROM " + _ITEMS + ")",
}
OF_ANY_CASE = frozenset({"eq", "in", "contains", "starts_with", "ends_with"})
OPERATORS |= {f"{name}{ANY_CASE}": _any_case(OPERATORS[name]) for name in OF_ANY_CASE}
# The + keeps SQLite from using an index on the column.
UNINDEXED = "_unindexed"
OPERATORS |= {
    f"{name}{UNINDEXED}": OPERATORS[name].replace("{column}", "+{column}")
    for each in ("eq", "in", "starts_with")
    for name in (each, f"{each}{ANY_CASE}")
}


@dataclass(frozen=True, slots=True)
class Compare:
    """Compares a column by one of OPERATORS; a list operand is JSON text."""

    column: str
    operator: str
    operand: Value = None


@dataclass(frozen=True, slots=True)
class All:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """True if `part` is false or NULL."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Related:
    """Whether `relation` leads to a row that meets `where`; `live` excludes soft-deleted rows."""

    relation: Relation[Any]
    where: "Condition"
    live: bool


Condition: TypeAlias = Compare | All | AnyOf | Not | Related

EVERYTHING = All(())


@dataclass(slots=True)
class Binder:
    bind: dict[str, Value] = field(default_factory=dict)
    rows: int = 0

    def value(self, value: Value) -> str:
        name = f"v{len(self.bind)}"
        self.bind[name] = value
        return f":{name}"

    def row(self) -> str:
        self.rows += 1
        return f"r{self.rows}"


def to_sql(condition: Condition, row: str, binder: Binder) -> str:
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


def without_operands(condition: Condition, operands: list[Value]) -> Condition:
    """Replace each operand by its index in `operands`, to which it is appended."""
    match condition:
        case Compare(column, operator, operand):
            operands.append(operand)
            return Compare(column, operator, len(operands) - 1)
        case All(parts) if parts:
            return All(tuple([without_operands(part, operands) for part in parts]))
        case AnyOf(parts):
            return AnyOf(tuple([without_operands(part, operands) for part in parts]))
        case Not(part):
            return Not(without_operands(part, operands))
        case Related(relation, where, live):
            return Related(relation, without_operands(where, operands), live)
    return condition


def _joined(word: str, parts: tuple[Condition, ...], row: str, binder: Binder) -> str:
    """The parts in parentheses, in groups of groups: engines bound how deep an expression may nest.

    A chain of n parts is n deep, and the same in groups a multiple of log n.
    """
    joined = [to_sql(part, row, binder) for part in parts]
    while len(joined) > MOST_IN_A_ROW:
        groups = range(0, len(joined), MOST_IN_A_ROW)
        joined = ["(" + word.join(joined[at : at + MOST_IN_A_ROW]) + ")" for at in groups]
    return "(" + word.join(joined) + ")"


def _related(condition: Related, row: str, binder: Binder) -> str:
    relation, child = condition.relation, binder.row()
    parent = f"{row}.{relation.column}"
    table, belonging = rows_of(relation, child, parent)
    conditions = [belonging, *listed_rows(relation.child, child, live=condition.live)]
    if relation.shared and _leads_to_many(condition.where):
        conditions.append(_evaluated_once(relation.child, child, condition.where, binder))
    else:
        conditions.append(to_sql(condition.where, child, binder))
    exists = f"EXISTS (SELECT 1 FROM {table} AS {child} WHERE {all_of(conditions)})"
    only = relation.only.format(row=row)
    return f"({only} AND {exists})" if only else exists


def _evaluated_once(table: Table[Any], row: str, where: Condition, binder: Binder) -> str:
    """SQL that evaluates `where` once per row of the table, not once per row that leads to it."""
    # Otherwise the work would multiply with each relation in the filter.
    each = binder.row()
    condition = to_sql(where, each, binder)
    # The + keeps SQLite from starting with these rows and then sorting the whole list.
    return f"+{row}.rowid IN (SELECT {each}.rowid FROM {table.listed} AS {each} WHERE {condition})"


def _leads_to_many(condition: Condition) -> bool:
    match condition:
        case All(parts) | AnyOf(parts):
            return any(map(_leads_to_many, parts))
        case Not(part):
            return _leads_to_many(part)
        case Related(relation, where, _):
            return relation.many or _leads_to_many(where)
    return False


def unindexed(condition: Condition, besides: Mapping[str, Collection[str]]) -> Condition:
    """Keep the operators `besides` from using an index, except on the columns that it names for each."""
    match condition:
        case Compare(column, operator, operand) if column not in besides.get(operator, (column,)):
            return Compare(column, operator + UNINDEXED, operand)
        case All(parts):
            return All(tuple(unindexed(part, besides) for part in parts))
    return condition


def columns_read(condition: Condition) -> Iterator[str]:
    """The columns of the row that a condition looks at."""
    match condition:
        case Compare(column, _, _):
            yield column
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from columns_read(part)
        case Not(part):
            yield from columns_read(part)
        case Related(relation, _, _):
            yield relation.column


def belongs(relation: Relation[Any], row: str, parent: str) -> str:
    return relation.match.format(row=row, parent=parent)


def rows_of(relation: Relation[Any], row: str, parent: str) -> tuple[str, str]:
    """SQL for the child's table, and the condition that a row belongs to the parent."""
    # A to-many relation starts from the viewer's own rows: the time spent on skipping the rows of other
    # owners would reveal how many there are.
    if relation.whole:
        return relation.child.picked, _all_belong(relation, row, parent)
    if relation.inherited:
        return relation.child.picked, belongs(relation, row, parent)
    table = relation.child.listed if relation.many else relation.child.seen
    return table, belongs(relation, row, parent)


def _all_belong(relation: Relation[Any], row: str, parent: str) -> str:
    """Like `belongs`, for rows that a viewer sees all or none of."""
    # Rights are checked once per parent, not per row (W2 of `--auth`).
    values = {name: value.format(parent=parent) for name, value in relation.whole.items()}
    (column, _), *others = values.items()
    same = (f" AND {row}.{name} = {value}" for name, value in others)
    return f"{row}.{column} = {row_security.allowed(relation.child, values)}{''.join(same)}"


def listed_rows(table: Table[Any], row: str, *, live: bool) -> list[str]:
    return [table.live.format(row=row)] if live else []


def all_of(conditions: list[str]) -> str:
    return " AND ".join(conditions) if conditions else "TRUE"
