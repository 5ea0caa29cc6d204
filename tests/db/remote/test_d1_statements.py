"""Statements as D1 takes them: binds become one JSON parameter, and nothing else changes."""

import pytest

from db.errors import EngineError
from db.remote.d1.statements import prepare


def test_binds_become_members_of_one_parameter():
    prepared = prepare("UPDATE t SET a = :a, b=$b_2 WHERE id = @id OR parent = :a")
    assert prepared.sql == (
        "UPDATE t SET a = (?1 ->> '$.a'), b=(?1 ->> '$.b_2')"
        " WHERE id = (?1 ->> '$.id') OR parent = (?1 ->> '$.a')"
    )
    assert prepared.names == ("a", "b_2", "id")


@pytest.mark.parametrize(
    "inert",
    [
        "'not :a, it''s :b'",
        "'' || ':c'",
        '"a column :a"',
        '"with "" :a"',
        "[:a]",
        "`:a` ",
        "1 -- :a 'open\n",
        "1 /* :a ' */",
        "x'00' -- ?\n",
        "t.a$b",
        "'12:30:00'",
        "a ->> '$.name'",
    ],
)
def test_literals_comments_and_identifiers_stay(inert: str):
    sql = f"DELETE FROM t WHERE {inert}"
    assert prepare(sql).sql == sql
    assert prepare(f"{sql} = :z").sql == f"{sql} = (?1 ->> '$.z')"
    assert prepare(f"{sql} = :z").names == ("z",)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a.id, b.id FROM t a, t b",
        "\n  select 1 AS one",
        "-- why\nSELECT 1 AS one",
        "VALUES (1), (2)",
        "WITH x AS (SELECT 1 AS a), y(b) AS MATERIALIZED (VALUES (1)) SELECT a, b FROM x, y",
        "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x LIMIT 3) SELECT n FROM x",
        "SELECT 1 AS one -- the end",
    ],
)
def test_a_select_becomes_a_subquery(sql: str):
    assert prepare(sql).sql == f"SELECT * FROM (\n{sql}\n)"
    assert prepare(f"{sql}\n; ").sql == f"SELECT * FROM (\n{sql}\n\n)"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t SELECT * FROM u",
        "REPLACE INTO t VALUES (1)",
        "WITH x AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM x RETURNING id, a",
        "WITH x AS (SELECT 1 AS a) UPDATE t SET a = x.a FROM x",
        "PRAGMA foreign_key_check",
        "EXPLAIN QUERY PLAN SELECT 1",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;",
        "CREATE VIEW v AS SELECT 1",
        "",
    ],
)
def test_what_is_no_select_stays(sql: str):
    assert prepare(sql).sql == sql


@pytest.mark.parametrize(
    "returned",
    ["id, name", "*", "t.id, max(a, b), (SELECT id FROM u) AS other", 'id, "i""d"', "'a', 'b'"],
)
def test_columns_that_are_returned_have_different_names(returned: str):
    sql = f"DELETE FROM t RETURNING {returned}"
    assert prepare(sql).sql == sql


@pytest.mark.parametrize(
    "returned", ["id, name AS id", 't.id, "id"', "1, id", "count(*), count( * )", "a AS [b], b"]
)
def test_columns_that_are_returned_under_one_name_are_refused(returned: str):
    with pytest.raises(EngineError, match="different names"):
        prepare(f"DELETE FROM t RETURNING {returned}")


def test_a_parameter_without_a_name_is_refused():
    with pytest.raises(EngineError, match="every parameter needs a name"):
        prepare("SELECT ?1 AS a, :b AS b")
