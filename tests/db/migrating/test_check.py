"""`chittygraph check` finds non-canonical values, and repairs them with --fix."""

from pathlib import Path
from typing import Any

import pytest

from server.cli import main
from tests.support.registries import legacy_registries
from tests.support.registries.databases import new_registry
from tests.support.registries.legacy_registries import CANONICAL, OLD, opened, put, rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


@pytest.fixture
def check(file: Path, capsys: pytest.CaptureFixture[str]):
    def run(*words: str) -> tuple[Any, str, str]:
        code = main([*words, "--database", str(file)])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def scribble(file: Path) -> None:
    """Write as another program does, into a registry that is ours."""
    with opened(file) as connection:
        put(
            connection,
            "contexts",
            chitty_id="CHITTY-CONTEXT-000009-AAAA",
            name="late",
            owner_chitty_id="CHITTY-LATE",
            status="Archived",
            created_at=OLD,
            updated_at="21.10.2025",
        )
        connection.execute("DROP INDEX contexts_by_name")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_canonical_registry_needs_no_repair_and_stays_unchanged(check, file: Path):
    new_registry(file)
    before = contents(file.parent)

    looked = check("check")
    mended = check("check", "--fix")

    assert looked == mended
    assert looked[0] == 0
    assert "needs no repair" in looked[1]
    assert contents(file.parent) == before


def test_non_canonical_values_are_found_without_a_change(check, file: Path):
    new_registry(file)
    scribble(file)
    before = contents(file.parent)

    code, out, _ = check("check")

    assert code == 1
    assert out.splitlines() == [
        "found 1 x actors.chitty_id: an owner or source without an actor, which was made",
        "found 1 x contexts: index contexts_by_name, which was missing",
        "found 1 x contexts.status: a value outside of the enumeration",
        "found 1 x contexts.updated_at: no instant",
        "  actors CHITTY-LATE: chitty_id NULL -> 'CHITTY-LATE'",
        "  contexts CHITTY-CONTEXT-000009-AAAA: status 'Archived' -> 'inactive'",
        "  contexts CHITTY-CONTEXT-000009-AAAA: updated_at '21.10.2025' -> '2025-10-21T18:52:06.000Z'",
    ]
    assert contents(file.parent) == before


def test_values_are_repaired_after_a_copy_and_the_status_lists_the_repairs(check, file: Path):
    new_registry(file)
    scribble(file)

    code, out, _ = check("check", "--fix")
    again = check("check")
    status = check("status")

    (copy,) = file.parent.glob("registry.db.before-repair-*")
    assert (code, again[0]) == (0, 0)
    assert f"copied to {copy.name}\n" in out
    assert rows(file, "SELECT status, updated_at FROM contexts") == [("inactive", CANONICAL)]
    assert rows(copy, "SELECT status, updated_at FROM contexts") == [("Archived", "21.10.2025")]
    assert rows(file, "SELECT value_before FROM replaced_values WHERE table_name = 'contexts'") == [
        ("Archived",),
        ("21.10.2025",),
    ]
    assert "1 x contexts.status: a value outside of the enumeration" in status[1]
    assert copy.name in status[1]


@pytest.mark.parametrize("prefix", ["", "did:chitty:"], ids=["bare", "with its DID"])
def test_a_principal_that_is_the_chittyid_of_another_actor_is_cleared_and_kept(
    check, file: Path, prefix: str
):
    new_registry(file)
    named, other = "CHITTY-ACTOR-000001-AAAA", "CHITTY-ACTOR-000002-AAAA"
    with opened(file) as connection:
        times = {"created_at": CANONICAL, "updated_at": CANONICAL, "actor_type": "human"}
        for key, principal in ((other, None), (named, prefix + other)):
            put(connection, "actors", chitty_id=key, chitty_auth_principal_id=principal, **times)

    found = check("check")
    fixed = check("check", "--fix")
    again = check("check")

    assert (found[0], fixed[0], again[0]) == (1, 0, 0)
    assert "actors.chitty_auth_principal_id: the ChittyID of another actor" in found[1]
    assert rows(file, "SELECT row_key, value_before, value_after FROM replaced_values") == [
        (named, prefix + other, None)
    ]
    assert rows(file, "SELECT count(*) FROM actors WHERE chitty_auth_principal_id <> ''") == [(0,)]


def test_of_connections_that_become_active_duplicates_only_the_newest_stays_active(
    check, file: Path
):
    new_registry(file)
    with opened(file) as connection:
        for key, status, created in [
            ("first", "active", legacy_registries.OLDER),
            ("second", "Active", OLD),
        ]:
            put(
                connection,
                "connections",
                connection_id=key,
                source_chitty_id="CHITTY-LATE",
                source_type="actor",
                target_service="github",
                status=status,
                created_at=created,
                updated_at=OLD,
            )

    code, _, _ = check("check", "--fix")

    assert code == 0
    assert dict(rows(file, "SELECT connection_id, status FROM connections")) == {
        "first": "inactive",
        "second": "active",
    }


def test_a_registry_of_another_program_is_adopted_by_fixing_it(check, file: Path):
    legacy_registries.by_wrangler(file)

    looked = check("check")
    status = check("status")
    mended = check("check", "--fix")
    after = check("check")

    assert (looked[0], status[0], mended[0], after[0]) == (1, 0, 0, 0)
    assert "recognised 0004_create_connections_table\n" in looked[1]
    assert "pending 0005_connect_connections_to_installations\n" in looked[1]
    assert "to repair 1 x contexts.data: NULL or empty where JSON belongs" in status[1]
    assert "applied 0005_connect_connections_to_installations\n" in mended[1]
    assert len([*file.parent.glob("registry.db.before-*")]) == 1


def test_migrate_reports_the_adoption_and_migrate_check_previews_it(check, file: Path):
    legacy_registries.by_hand(file)

    foretold = check("migrate", "--check")
    done = check("migrate")
    again = check("migrate", "--check")

    assert (foretold[0], done[0], again[0]) == (1, 0, 0)
    assert "found 1 x contexts.data" in foretold[1]
    assert "copied to registry.db.before-adoption-" in done[1]
    assert "repaired 1 x contexts.data" in done[1]


def test_a_missing_database_cannot_be_checked(check, file: Path):
    code, out, err = check("check", "--fix")

    assert (code, out) == (1, "")
    assert err == f"chittygraph: there is no database at {file}: give the path of one\n"
    assert not file.exists()


def test_a_registry_that_cannot_be_adopted_gives_one_line_and_no_copy(check, file: Path):
    with opened(file) as connection:
        connection.execute("CREATE TABLE actors (name TEXT)")
    before = contents(file.parent)

    for words in (["check"], ["check", "--fix"], ["migrate"], ["status"]):
        code, out, err = check(*words)

        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "actors lacks the columns chitty_id, actor_type" in err
    assert contents(file.parent) == before
