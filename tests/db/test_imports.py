"""Imports in `db` point one way, and only code about files knows that the database is one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.imports import circles, imports_of, wrong_arrows
from tests.support.paths import ROOT, source_files

LAYERS = [
    [
        "db.program",
        "db.errors",
        "db.temporary_folders",
        "db.fair_queue",
        "db.consistency",
        "db.database_url",
        "db.newer_version",
    ],
    ["db.precondition", "db.model"],
    ["db.security", "db.attribution", "db.change_log", "db.heartbeat"],
    ["db.database"],
    ["db.patience"],
    ["db.queries", "db.commands", "db.sqlite", "db.history", "db.remote"],
    ["db.migrating"],
    ["db.backup", "db.transfer", "db.audit"],
    ["db.replica", "db.moving"],
    ["db.erasing"],
    ["db.open_database", "db"],
]
# What may import the SQLite engine; `db` itself only replaces Python's SQLite by a current one.
ON_SQLITE = (
    "db.sqlite",
    "db.migrating",
    "db.backup",
    "db.transfer",
    "db.audit",
    "db.replica",
    "db.erasing",
    "db.moving",
    "db.open_database",
)
SQLITE = {"sqlite3", "pysqlite3", "aiosqlite"}
FILES_ONLY = {
    *("db/sqlite", "db/migrating", "db/backup", "db/transfer", "db/audit", "db/erasing"),
    "db/moving",
    "db/replica",
}
# The code above db/ that is about files: commands, and the files that are imported and exported.
ABOUT_FILES = {
    "server/cli/explain.py": {"db.sqlite"},  # SQLite's query plans
    "server/cli/booting.py": {"db.sqlite", "db.migrating"},  # the version of SQLite, for the log
    "server/cli/serve.py": {"db.sqlite"},  # which versions several workers may use
    "server/cli/sql.py": {"db.sqlite"},
    "server/cli/status.py": {"db.sqlite", "db.migrating", "db.replica"},
    "server/cli/audit.py": {"db.audit", "db.sqlite"},
    "server/cli/backup.py": {"db.backup"},
    "server/cli/check.py": {"db.migrating"},
    "server/cli/output/copy_report.py": {"db.backup"},
    "server/cli/dev.py": {"db.migrating"},
    "server/cli/erase.py": {"db.erasing"},
    "server/cli/export.py": {"db.sqlite", "db.transfer"},
    "server/cli/import_.py": {"db.sqlite", "db.transfer"},
    "server/cli/migrate.py": {"db.migrating", "db.sqlite"},  # how much a boot reads
    "server/cli/move.py": {"db.moving"},
    "server/cli/output/recreation_report.py": {"db.migrating", "db.transfer"},
    "server/cli/promote.py": {"db.replica"},
    "server/cli/restore.py": {"db.backup"},
    "server/doctor/database.py": {"db.sqlite", "db.migrating"},
    "server/doctor/replica.py": {"db.replica"},
    "server/doctor/files.py": {"db.sqlite", "db.backup"},
    "server/files/change_exporting.py": {"db.audit"},
    "server/files/changes.py": {"db.sqlite", "db.migrating"},
    "server/files/exporting.py": {"db.backup", "db.transfer"},
    "server/files/importing.py": {"db.sqlite", "db.migrating", "db.transfer"},
    "server/replica/follower.py": {"db.replica"},
    "server/replica/role.py": {"db.replica"},
    "server/replica/starting.py": {"db.replica"},
    "server/service.py": {"db.replica"},
    "server/files/text_files.py": {"db.backup"},  # what dumps and rows must be unpacked from
    "resolvers/import_rules.py": {"db.transfer"},
}


def test_imports_in_db_point_one_way():
    assert wrong_arrows(imports_of("db"), LAYERS) == []


def test_no_modules_of_db_import_each_other():
    assert circles(imports_of("db")) == []


@pytest.mark.parametrize(
    "layer", [["queries", "commands", "sqlite"], ["backup", "transfer", "audit"]]
)
def test_folders_of_one_layer_do_not_import_each_other(layer: list[str]):
    for name, others in imports_of("db").items():
        for folder in layer:
            if name.startswith(f"db.{folder}"):
                beside = tuple(f"db.{other}" for other in layer if other != folder)
                assert [other for other in others if other.startswith(beside)] == [], name


def test_only_packages_about_files_import_the_sqlite_engine():
    assert [
        name
        for name, others in imports_of("db").items()
        if any(other.startswith("db.sqlite") for other in others) and not name.startswith(ON_SQLITE)
    ] == ["db"]


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def modules(*folders: str) -> dict[str, set[str]]:
    return {str(file.relative_to(ROOT)): set(imported(file)) for file in source_files(*folders)}


def test_only_packages_about_files_import_sqlite3():
    assert [
        file
        for file, names in modules("db", "resolvers", "schema", "server").items()
        if {name.partition(".")[0] for name in names} & SQLITE
        and not file.startswith(tuple(f"{folder}/" for folder in FILES_ONLY))
    ] == []


def test_above_db_only_code_about_files_knows_that_the_database_is_one():
    folders = [folder.replace("/", ".") for folder in FILES_ONLY]
    found = {
        file: {folder for folder in folders if any(name.startswith(folder) for name in names)}
        for file, names in modules("resolvers", "schema", "server").items()
    }

    assert {file: knows for file, knows in found.items() if knows} == ABOUT_FILES
