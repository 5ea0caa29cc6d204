"""An export of any registry that is served can be imported into an empty one, cell by cell."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db.model import column_types
from db.model.tables import Column
from db.transfer.layout import TRANSFERS
from tests.support.expectations.cells import everything
from tests.support.registries import original_registry
from tests.support.registries.legacy_registries import opened, put
from tests.support.registries.original_registry import ADA, LEDGER, conn
from tests.support.services.api import running

# What mutations would refuse, and what adoption and other programs' writes leave.
ORDINARY = """
    UPDATE actors SET email = NULL, avatar_url = NULL, display_name = NULL, capabilities = '[]';
    UPDATE contexts SET name = trim(name);
    UPDATE installations SET account_login = 'octo-org';
    UPDATE connections SET credentials_kv_key = NULL WHERE connection_id NOT LIKE 'conn-%';
"""
LONG = "x" * 3_000
DEEP = '{"a":' * 30 + "[1.5, true, null]" + "}" * 30


@pytest.fixture
def adopted(tmp_path: Path) -> Path:
    """The registry of ChittyConnect, adopted."""
    return original_registry.adopted(tmp_path / "registry.db")


def cells(path: Path) -> dict[str, dict[Any, Any]]:
    """Every cell, as the API shows it."""

    async def shown() -> dict[str, dict[Any, Any]]:
        async with running(path) as api:
            return await everything(api)

    return asyncio.run(shown())


def stored(path: Path) -> dict[str, Any]:
    """Every cell of what exports hold, as it is stored but for spaces in JSON."""
    with closing(sqlite3.connect(path)) as connection:
        return {
            transfer.type: connection.execute(
                f"SELECT {', '.join(map(_bare, transfer.table.columns.values()))}"
                f" FROM {transfer.type} ORDER BY {', '.join(transfer.key)}"
            ).fetchall()
            for transfer in TRANSFERS
        }


def _bare(column: Column) -> str:
    is_json = column.type in (column_types.STRING_LIST, column_types.OBJECT)
    return f"json({column.name})" if is_json else column.name


def imported(transfers: Any, file: str, *words: str) -> None:
    code, _, err = transfers.run("import", file, *words, on="new.db")
    assert (code, err) == (0, "")


def test_a_registry_of_odd_ids_is_imported_by_the_rules_of_mutations(transfers, adopted):
    with opened(adopted) as connection:
        connection.executescript(ORDINARY)

    imported(transfers, transfers.write("all.jsonl", transfers.exported()))

    assert stored(transfers.folder / "new.db") == stored(adopted)
    assert cells(transfers.folder / "new.db") == cells(adopted)


def test_json_lines_carry_every_cell_of_an_adopted_registry(transfers, adopted):
    file = transfers.write("all.jsonl", transfers.exported())

    refused = transfers.run("import", file, on="new.db")
    imported(transfers, file, "--as-stored")

    assert refused[0] == 1
    assert "if it is an export, --as-stored takes its values as they were stored" in refused[2]
    assert stored(transfers.folder / "new.db") == stored(adopted)
    assert cells(transfers.folder / "new.db") == cells(adopted)


def through_csv(transfers: Any) -> None:
    for transfer in TRANSFERS:
        file = transfers.write("rows.csv", transfers.exported("--csv", transfer.type))
        imported(transfers, file, "--type", transfer.type, "--as-stored")


def test_csv_carries_every_cell_of_an_adopted_registry(transfers, adopted):
    through_csv(transfers)

    assert stored(transfers.folder / "new.db") == stored(adopted)


def test_a_dump_carries_every_cell_of_an_adopted_registry(transfers, adopted):
    file = transfers.write("all.sql", transfers.exported("--sql"))

    code, _, err = transfers.run("restore", file, on="new.db")

    assert (code, err) == (0, "")
    assert stored(transfers.folder / "new.db") == stored(adopted)


def through_json_lines(transfers: Any) -> None:
    file = transfers.write("all.jsonl", transfers.exported())
    imported(transfers, file, "--as-stored")


@pytest.mark.parametrize("through", [through_json_lines, through_csv])
def test_what_other_programs_write_later_is_carried_as_it_is_shown(transfers, adopted, through):
    with opened(adopted) as connection:
        write_later(connection)
    before = cells(adopted)

    through(transfers)

    assert cells(transfers.folder / "new.db") == before
    assert transfers.exported(on="new.db") == transfers.exported()


def write_later(connection: sqlite3.Connection) -> None:
    """Add rows that are served although neither adoption nor a mutation would leave them so."""
    put(
        connection,
        "actors",
        chitty_id=LEDGER,  # a context has this one too
        actor_type="ai",
        email=LONG,
        display_name='\r\n\x01"\u2028,',
        capabilities=f'["{LONG}", "", "", "\\ud83e\\udd8a"]',
        session_count=-7,
        chitty_auth_principal_id="  ",
    )
    put(
        connection,
        "actors",
        chitty_id="A" * 300,
        actor_type="human",
        last_seen_at="2026-01-01",
    )
    put(
        connection,
        "contexts",
        chitty_id="\u00a0",
        name=LONG,
        owner_chitty_id="A" * 300,
        data=str([str(n) for n in range(300)]).replace("'", '"'),
        updated_at="2026-01-01T12:00:00+02:00",
    )
    put(
        connection,
        "installations",
        installation_id=0,
        chitty_id="0",
        account_id=-1,
        account_login="\n",
        account_type="Organization",
        repository_selection="all",
        permissions='{"": "", "contents": "whatever"}',
        suspended_at="2026-01-01 00:00:00",
        suspended_by_chitty_id=LEDGER,
    )
    put(
        connection,
        "connections",
        connection_id=conn("later") * 40,
        source_chitty_id=LEDGER,
        source_type="actor",
        target_service="a service\twith spaces",
        target_endpoint="",
        credentials_kv_key="a key",
        last_error=f"password=hunter2 {LONG}",
        error_count=-1,
        config=DEEP,
        installation_id=0,
    )


def test_a_reference_that_leads_nowhere_is_rejected_until_check_repairs_it(transfers, adopted):
    with opened(adopted) as connection:
        connection.execute("DELETE FROM actors WHERE chitty_id = ?", (ADA,))

    file = transfers.write("all.jsonl", transfers.exported())
    rejected = transfers.run("import", file, "--as-stored", on="new.db")
    fixed = transfers.run("check", "--fix")
    imported(transfers, transfers.write("all.jsonl", transfers.exported()), "--as-stored")

    assert rejected[0] == 1
    assert (
        f"owner_chitty_id names none of the actors, neither in the file nor in the registry: {ADA}"
        in (rejected[2])
    )
    assert fixed[0] == 0
    assert stored(transfers.folder / "new.db") == stored(adopted)
