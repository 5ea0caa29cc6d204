"""Every table that migrations make is declared: moved, or left with a reason."""

from db.migrating import ledger, schema_comparison
from db.model.tables import REFERENCES
from db.moving import moved_tables

DECLARE = (
    "say in MOVED of db/moving/moved_tables.py that a move copies its rows, or in LEFT why not"
)
# Made beside the migrations.
LEDGERS = {"chittygraph_migrations", "d1_migrations"}


def made() -> set[str]:
    migrations = ledger.load(ledger.MIGRATIONS)
    return {
        name for name, each in schema_comparison.made_by(migrations).items() if each.type == "table"
    }


def test_every_table_is_either_moved_or_left():
    assert made() - {*moved_tables.MOVED, *moved_tables.LEFT} == set(), DECLARE
    assert not set(moved_tables.MOVED) & moved_tables.LEFT.keys()


def test_every_declared_table_is_made():
    assert {*moved_tables.MOVED, *moved_tables.LEFT} - made() - LEDGERS == set()


def test_parents_are_moved_before_the_rows_that_refer_to_them():
    for relation in REFERENCES:
        child, parent = relation.parent.name, relation.child.name
        if child != parent and relation.column != "source_chitty_id":
            assert moved_tables.MOVED.index(parent) < moved_tables.MOVED.index(child)


def test_tables_are_known_by_their_keys_and_columns():
    tables = {each.name: each for each in moved_tables.moved_tables(ledger.load(ledger.MIGRATIONS))}

    assert list(tables) == list(moved_tables.MOVED)
    assert tables["installation_facts"].key == ("installation_id", "aspect")
    assert tables["installation_facts"].columns[0] == "installation_id"
    assert tables["replaced_values"].affinities[-1] == "BLOB"
    assert all(each.key for each in tables.values())
