"""ChittyConnect's other lineages as wrangler keeps them, and what becomes of them under it after adoption."""

from pathlib import Path

import pytest

from db.migrating import migrator
from tests.support.other_programs.wrangler import D1
from tests.support.registries import relatives
from tests.support.registries.legacy_registries import rows
from tests.support.registries.relatives import BEYOND_53_BITS, EARLIER, LINKS, MAIN, MAIN_DATABASE
from tests.support.services.api import running
from tests.support.services.commands import command_process

SQL = {"main": MAIN, "earlier": EARLIER, "main with its catalogue": MAIN_DATABASE}


@pytest.fixture
def d1(tmp_path: Path) -> D1:
    return D1(tmp_path / "wrangler", [])


def execute(d1: D1, sql: str) -> None:
    file = d1.folder / "made.sql"
    file.write_text(sql)
    d1.execute(file)


async def connections(file: Path) -> set[tuple[str, int]]:
    """The links that are served: each context with its installations."""
    async with running(file) as api:
        answer = await api.ask(
            "{ contexts { nodes { chittyId installations { nodes { installationId } } } } }"
        )
    return {
        (node["chittyId"], int(each["installationId"]))
        for node in answer["contexts"]["nodes"]
        for each in node["installations"]["nodes"]
    }


@pytest.mark.parametrize("kind", SQL)
async def test_what_wrangler_keeps_is_adopted_whole_and_then_taken_by_d1(
    d1: D1, kind: str, tmp_path: Path
):
    execute(d1, SQL[kind])
    before = relatives.tables(d1.file)

    migrator.migrate(d1.file)
    served = await connections(d1.file)

    after = relatives.tables(d1.file)
    untouched = before.keys() - {"_cf_METADATA"}
    assert {name: after[name] for name in untouched} == {name: before[name] for name in untouched}
    assert served == {link[:2] for link in LINKS[kind]}
    assert d1.pending() == []
    counted = d1.rows("SELECT count(*) AS kept FROM contexts_before_adoption")
    assert counted == [{"kept": len(before["contexts"])}]
    await taken_by_d1(d1.file, tmp_path)


async def taken_by_d1(file: Path, tmp_path: Path) -> None:
    """Export an adopted registry, which an empty D1 database takes with what was set aside."""
    dump, other = tmp_path / "dump.sql", D1(tmp_path / "other", [])
    exported = command_process("export", "--sql", "--output", str(dump), "--database", str(file))
    assert exported.returncode == 0, exported.stderr

    other.execute(dump)

    for table in ("contexts", "installations", "contexts_before_adoption"):
        assert sorted_rows(other.file, table) == sorted_rows(file, table)


def sorted_rows(file: Path, table: str) -> list[tuple[object, ...]]:
    return rows(file, f"SELECT * FROM {table} ORDER BY 1")


@pytest.mark.parametrize("kind", SQL)
async def test_what_wrangler_exported_is_restored_and_then_adopted(
    d1: D1, kind: str, tmp_path: Path
):
    # wrangler's export rounds what JavaScript's numbers cannot hold.
    execute(d1, SQL[kind].replace(str(BEYOND_53_BITS), "44"))
    d1.run("export", "chittygraph", "--output", "dump.sql")
    ours = tmp_path / "registry.db"

    restored = command_process("restore", str(d1.folder / "dump.sql"), "--database", str(ours))

    assert restored.returncode == 0, restored.stderr
    assert await connections(ours) == {
        (context, 44 if installation == BEYOND_53_BITS else installation)
        for context, installation, *_ in LINKS[kind]
    }
    assert migrator.check(ours).repairs == []
