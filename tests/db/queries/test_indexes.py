"""Lists and relation pages walk an index that holds their order; none is sorted."""

import sqlite3
from typing import Any

import pytest

from db.model.tables import Relation, Table
from db.program import Statement
from tests.support.expectations import sql_plans
from tests.support.expectations.orderings import DIRECT, LISTS, THROUGH_CONNECTIONS


def plan(connection: sqlite3.Connection, sql: str, parent: str | None = None) -> str:
    statement = Statement(sql, {"parent": parent, "limit": 21})
    return "\n".join(sql_plans.plan(connection, statement))


def page_of(relation: Relation[Any]) -> str:
    child = relation.child
    match = relation.match.format(row="x", parent=":parent")
    return (
        f"SELECT rowid FROM {child.name} AS x WHERE {match} AND {child.live.format(row='x')}"
        f" ORDER BY x.{child.newest} DESC, x.{child.key} DESC LIMIT :limit"
    )


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(("table", "column"), LISTS)
def test_every_ordering_of_a_list_walks_an_index(
    migrated, table: Table[Any], column: str, direction
):
    found = plan(
        migrated,
        f"SELECT {table.select_list('x')} FROM {table.name} AS x WHERE {table.live.format(row='x')}"
        f" ORDER BY x.{column} {direction}, x.{table.key} {direction} LIMIT :limit",
    )

    assert found.startswith("SCAN x USING INDEX ")
    assert "TEMP B-TREE" not in found


@pytest.mark.parametrize("relation", DIRECT.values(), ids=DIRECT)
def test_a_relation_page_walks_the_parents_part_of_an_index(migrated, relation: Relation[Any]):
    found = plan(migrated, page_of(relation), parent="CHITTY-A")

    assert found.startswith(f"SEARCH x USING {'COVERING ' * ('COVERING' in found)}INDEX ")
    assert "TEMP B-TREE" not in found


@pytest.mark.parametrize("relation", THROUGH_CONNECTIONS.values(), ids=THROUGH_CONNECTIONS)
def test_links_through_connections_are_read_from_an_index_alone(migrated, relation: Relation[Any]):
    found = plan(migrated, page_of(relation), parent="CHITTY-A")

    assert "SEARCH link USING COVERING INDEX connections_from_" in found


def test_the_check_for_an_active_twin_is_one_step_in_an_index(migrated):
    found = plan(
        migrated,
        "SELECT 1 FROM connections WHERE source_chitty_id = :parent AND target_service = 'github'"
        " AND coalesce(target_endpoint, '') = '' AND status = 'active'",
    )

    assert "INDEX one_active_connection_per_endpoint" in found


def test_removing_an_installation_looks_for_its_connections_in_an_index(migrated):
    found = plan(migrated, "SELECT 1 FROM connections WHERE installation_id = :parent")

    assert "INDEX connections_" in found
    assert "SCAN" not in found
