"""Long filters nest little, since engines bound how deep an expression may be: D1 takes 100 levels."""

import re
import sqlite3

import pytest

from db.queries.conditions import All, AnyOf, Binder, Compare, Not, to_sql

DEEPEST = 40
CONDITIONS: dict[str, type[All | AnyOf]] = {"OR": AnyOf, "AND": All}


def chain(word: str, parts: int) -> All | AnyOf:
    """A filter of so many parts, of which some are of an index."""
    columns = ("status", "name", "owner_chitty_id")
    made = [Compare(columns[n % 3], "eq", f"value {n}") for n in range(parts)]
    return CONDITIONS[word](tuple(made))


def depth(sql: str) -> int:
    """How many levels SQLite's tree of an expression has, at most: chains nest to the left."""
    words, inside = 0, [0]
    below = [0]
    deepest = 0
    for token in re.findall(r"\(|\)|\bAND\b|\bOR\b", sql):
        if token == "(":
            inside.append(0)
            below.append(0)
        elif token == ")":
            words = inside.pop() + below.pop() + 1
            below[-1] = max(below[-1], words)
        else:
            inside[-1] += 1
        deepest = max(deepest, inside[-1] + below[-1])
    return deepest


@pytest.mark.parametrize("word", CONDITIONS)
@pytest.mark.parametrize("parts", [1, 2, 6, 7, 36, 48, 190, 1_000])
def test_a_filter_of_many_parts_is_not_deep(word: str, parts: int):
    sql = to_sql(chain(word, parts), "r", Binder())

    assert len(re.findall(rf"\b{word}\b", sql)) == parts - 1
    assert depth(sql) <= DEEPEST
    assert depth(f"({f' {word} '.join(['x'] * parts)})") >= parts - 1


@pytest.mark.parametrize("word", CONDITIONS)
@pytest.mark.parametrize("parts", [2, 7, 48, 190])
@pytest.mark.parametrize("negated", [False, True])
def test_groups_are_planned_and_answered_as_one_chain_is(
    migrated: sqlite3.Connection, word: str, parts: int, negated: bool
):
    condition = chain(word, parts)
    binder = Binder()
    grouped = to_sql(Not(condition) if negated else condition, "contexts", binder)
    each = [to_sql(part, "contexts", Binder()) for part in condition.parts]
    numbered = [sql.replace(":v0", f":v{n}") for n, sql in enumerate(each)]
    flat = f"({f' {word} '.join(numbered)})"
    flat = f"({flat}) IS NOT TRUE" if negated else flat

    plans = [
        [
            row[3]
            for row in migrated.execute(
                f"EXPLAIN QUERY PLAN SELECT * FROM contexts WHERE {sql}", binder.bind
            )
        ]
        for sql in (grouped, flat)
    ]

    assert plans[0] == plans[1]
