"""Adoption: a registry that other programs made is recognised, copied, repaired and served."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from db.errors import BootRefused
from db.migrating import ledger, migrator, skeleton
from db.model.tables import CONTEXTS
from tests.support.registries import legacy_registries
from tests.support.registries.databases import new_registry
from tests.support.registries.legacy_registries import (
    CANONICAL,
    CANONICAL_OLDER,
    CONTEXT,
    OWNER,
    opened,
    rows,
)
from tests.support.services.api import running

LONG = [pytest.mark.thorough]
NAMES = [path.stem for path in sorted(ledger.MIGRATIONS.glob("*.sql"))]
MAKERS = {
    "by hand": legacy_registries.by_hand,
    "by hand, loosely": lambda path: legacy_registries.by_hand(path, loosely=True),
    "by wrangler": legacy_registries.by_wrangler,
    "from a dump": legacy_registries.restored,
}
EVERYTHING = """{
  actors(first: 9) { nodes { chittyId actorType capabilities createdAt contexts { nodes { name } } } }
  contexts(first: 9) { nodes {
    name data systems createdAt owner { chittyId }
    connections { nodes { targetService config errorCount requestCount createdAt source { __typename } } }
  } }
  installations(first: 9) { nodes { accountLogin events permissions { name access } installedAt } }
}"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def copies(file: Path) -> list[Path]:
    return sorted(file.parent.glob("registry.db.before-*"))


@pytest.mark.parametrize("kind", MAKERS)
async def test_a_registry_of_every_making_is_adopted_and_served(file: Path, kind: str):
    MAKERS[kind](file)

    async with running(file) as api:
        answer = await api.ask(EVERYTHING)

    (context,) = answer["contexts"]["nodes"]
    (connection,) = context["connections"]["nodes"]
    assert migrator.inspect(file).applied == tuple(NAMES)
    assert (context["data"], context["systems"], context["createdAt"]) == ([], [], CANONICAL_OLDER)
    assert context["owner"] == {"chittyId": OWNER}
    assert connection["config"] == {}
    assert (connection["errorCount"], connection["requestCount"]) == (0, "0")
    assert connection["createdAt"] == CANONICAL_OLDER
    assert answer["actors"]["nodes"][0]["actorType"] == "HUMAN"
    assert answer["installations"]["nodes"][0]["installedAt"] == CANONICAL


@pytest.mark.parametrize(
    "upto",
    [
        pytest.param(upto, marks=[] if upto in (1, len(NAMES)) or upto % 4 == 0 else LONG)
        for upto in range(1, len(NAMES) + 1)
    ],
)
def test_what_our_own_files_made_is_recognised_however_far_it_got(file: Path, upto: int):
    legacy_registries.by_our_files(file, upto)

    status = migrator.inspect(file)
    applied = migrator.migrate(file)

    assert list(status.recognised) == NAMES[:upto]
    assert list(status.pending) == applied == NAMES[upto:]
    assert status.repairs == ()


INDEXES = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
)


@pytest.mark.parametrize("upto", [4, 11, len(NAMES)])
def test_an_index_that_a_later_migration_drops_is_not_made_again(file: Path, upto: int):
    legacy_registries.by_our_files(file, upto)
    new = new_registry(file.with_name("new.db"))

    migrator.migrate(file)
    with opened(file) as connection:
        connection.execute("DROP INDEX connections_by_installation_and_updated_at")
    migrator.repair(file)

    assert rows(file, INDEXES) == rows(new, INDEXES)


@pytest.fixture
def with_a_later_index(tmp_path: Path) -> Path:
    """Our migrations, and one more that adds a column and with it replaces an index."""
    folder = tmp_path / "migrations"
    shutil.copytree(ledger.MIGRATIONS, folder)
    replacing = skeleton.replace_index(CONTEXTS).replace("\n) IS", "\n    AND topic IS NULL\n) IS")
    (folder / f"{len(NAMES) + 1:04}_add_topic_to_contexts.sql").write_text(
        f"ALTER TABLE contexts ADD COLUMN topic TEXT;\n{replacing}"
    )
    return folder


INDEX = "SELECT sql FROM sqlite_master WHERE name = 'contexts_odd'"


@pytest.mark.parametrize("upto", [4, 12, len(NAMES), len(NAMES) + 1])
def test_an_index_that_a_later_migration_replaces_is_recognised_in_both_forms(
    file: Path, with_a_later_index: Path, upto: int
):
    names = [path.stem for path in sorted(with_a_later_index.glob("*.sql"))]
    legacy_registries.by_our_files(file, upto, with_a_later_index)

    status = migrator.inspect(file, with_a_later_index)
    applied = migrator.migrate(file, with_a_later_index)
    checked = migrator.check(file, with_a_later_index)

    assert (list(status.recognised), applied) == (names[:upto], names[upto:])
    assert (checked.applied, checked.repairs) == ([], [])
    assert "topic" in rows(file, INDEX)[0][0]


def test_an_index_that_was_replaced_and_is_missing_is_made_again_in_its_last_form(
    file: Path, with_a_later_index: Path
):
    migrator.migrate(file, with_a_later_index)
    with opened(file) as connection:
        connection.execute("DROP INDEX contexts_odd")

    repaired = migrator.repair(file, with_a_later_index)

    assert [str(each) for each in repaired.repairs] == [
        "1 x contexts: index contexts_odd, which was missing"
    ]
    assert "topic" in rows(file, INDEX)[0][0]
    assert migrator.check(file, with_a_later_index).repairs == []


def test_an_index_of_that_name_in_no_form_of_ours_is_a_difference(
    file: Path, with_a_later_index: Path
):
    migrator.migrate(file, with_a_later_index)
    with opened(file) as connection:
        connection.execute("DROP INDEX contexts_odd")
        connection.execute("CREATE INDEX contexts_odd ON contexts (name)")

    with pytest.raises(BootRefused, match="contexts_odd is another than the index"):
        migrator.check(file, with_a_later_index)


def test_a_migration_that_is_half_there_is_completed(file: Path):
    legacy_registries.by_our_files(file, 4)
    with opened(file) as connection:
        connection.execute("ALTER TABLE connections ADD COLUMN installation_id INTEGER")

    applied = migrator.migrate(file)

    assert applied == NAMES[4:]
    assert rows(file, "SELECT name FROM sqlite_master WHERE name = 'connections_by_installation'")


@pytest.mark.parametrize("kind", MAKERS)
def test_adoption_keeps_a_copy_and_a_second_boot_changes_no_byte(file: Path, kind):
    MAKERS[kind](file)
    before = rows(file, "SELECT * FROM contexts, connections, installations")

    migrator.migrate(file)
    (copy,) = copies(file)
    once = contents(file.parent)
    again = migrator.migrate(file)

    assert again == []
    assert contents(file.parent) == once
    assert rows(copy, "SELECT * FROM contexts, connections, installations") == before
    assert rows(copy, "SELECT name FROM sqlite_master WHERE name LIKE 'chittygraph%'") == []


@pytest.mark.parametrize("look", [migrator.inspect, migrator.check, migrator.pending])
def test_an_inspection_changes_nothing_and_previews_the_adoption(file: Path, look):
    legacy_registries.by_hand(file)
    before = contents(file.parent)

    found = look(file)
    looked = contents(file.parent)
    foreseen = migrator.check(file).repairs
    done = migrator.bring_up_to_date(file).repairs

    assert found
    assert looked == before
    assert foreseen == done != []
    assert migrator.check(file).repairs == []


def test_objects_of_other_programs_stay_unchanged(file: Path):
    legacy_registries.by_hand(file)
    with opened(file) as connection:
        connection.executescript(
            "CREATE TABLE prompts (id INTEGER PRIMARY KEY, text); INSERT INTO prompts VALUES (1, 'x');"
            "ALTER TABLE contexts ADD COLUMN colour TEXT; UPDATE contexts SET colour = 'red';"
            "CREATE VIEW names AS SELECT name FROM contexts;"
            "CREATE TRIGGER touch AFTER UPDATE ON contexts BEGIN"
            " UPDATE contexts SET updated_at = datetime('now') WHERE chitty_id = new.chitty_id; END;"
        )
    others = "SELECT sql FROM sqlite_master WHERE name IN ('prompts', 'names', 'touch', 'idx_actors_type')"
    before = rows(file, others)

    migrator.migrate(file)

    assert rows(file, others) == before
    assert rows(file, "SELECT * FROM prompts") == [(1, "x")]
    assert rows(file, "SELECT colour, updated_at FROM contexts") == [("red", CANONICAL)]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("ALTER TABLE actors DROP COLUMN email", "table actors lacks the column email"),
        ("DROP TABLE actors; CREATE VIEW actors AS SELECT 1", "actors is a view, not a table"),
        (
            "ALTER TABLE actors ADD COLUMN tenant TEXT NOT NULL DEFAULT ''; PRAGMA writable_schema = ON;"
            "UPDATE sqlite_schema SET sql = replace(sql, \"NOT NULL DEFAULT ''\", 'NOT NULL')"
            " WHERE name = 'actors'",
            "actors.tenant is NOT NULL without a DEFAULT",
        ),
        (
            "DROP TABLE actors; CREATE TABLE actors (chitty_id TEXT PRIMARY KEY, actor_type, display_name,"
            " email, avatar_url, capabilities, chitty_dna_id, chitty_auth_principal_id, last_seen_at,"
            " session_count TEXT, status, created_at, updated_at)",
            "actors.session_count is TEXT, which cannot hold what INTEGER does",
        ),
        (
            "CREATE INDEX contexts_by_name ON contexts (status)",
            "index contexts_by_name is another than the index that is made here",
        ),
        (
            "CREATE TABLE server_keys (name TEXT)",
            "table server_keys lacks the columns value, created_at",
        ),
    ],
    ids=["column", "view", "required", "type", "index", "later table"],
)
def test_a_registry_that_differs_is_refused_with_the_difference_and_stays_unchanged(
    file: Path, change: str, difference: str
):
    legacy_registries.by_hand(file)
    with opened(file) as connection:
        connection.executescript(change)
    before = contents(file.parent)

    for look in (migrator.migrate, migrator.inspect, migrator.check):
        with pytest.raises(BootRefused) as refused:
            look(file)

        assert difference in str(refused.value)
        assert contents(file.parent) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "INSERT INTO contexts (chitty_id, name) VALUES ('CHITTY-B', 'harbour')",
            "name of their own",
        ),
        (f"INSERT INTO contexts (chitty_id, name) VALUES ('{CONTEXT}', 'b')", f"own: {CONTEXT}"),
        (
            f"INSERT INTO contexts (chitty_id, name) VALUES ('did:chitty:{CONTEXT}', 'b')",
            f"chitty_id of their own: {CONTEXT}",
        ),
        (
            "INSERT INTO connections (target_service) VALUES ('x')",
            "connection_id of their own: None",
        ),
    ],
    ids=["name", "id", "id as a DID", "no id"],
)
def test_rows_with_the_same_key_are_named_and_nothing_is_changed(
    file: Path, change: str, told: str
):
    legacy_registries.by_hand(file, loosely=True)
    with opened(file) as connection:
        connection.execute(change)
    before = contents(file.parent)

    with pytest.raises(BootRefused, match="cannot be adopted") as refused:
        migrator.migrate(file)

    assert told in str(refused.value)
    assert contents(file.parent) == before


async def test_an_adopted_registry_without_any_constraint_takes_mutations(file: Path):
    legacy_registries.by_hand(file, loosely=True)
    create = 'mutation { createContext(input: {name: "harbour", owner: "%s"}) { errors { code } } }'
    suspend = """mutation { suspendInstallation(input: {installationId: "7"}) {
        installation { suspendedAt } errors { code } } }"""

    async with running(file) as api:
        taken = await api.ask(create % OWNER)
        suspended = await api.ask(suspend)

    assert taken["createContext"]["errors"] == [{"code": "ALREADY_EXISTS"}]
    assert suspended["suspendInstallation"]["installation"]["suspendedAt"]


BOOT = """
import sys
from db.migrating import migrator
print(*migrator.migrate(sys.argv[1]))
"""


def booting(file: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BOOT, str(file)],
        cwd=ledger.MIGRATIONS.parent,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def large(file: Path) -> None:
    legacy_registries.by_hand(file)
    with opened(file) as connection:
        connection.execute(
            "INSERT INTO connections (connection_id, source_chitty_id, source_type, target_service)"
            " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
            f" SELECT 'c' || i, '{CONTEXT}', 'context', 's' || i FROM n"
        )


def test_processes_that_boot_together_adopt_once(file: Path):
    legacy_registries.by_hand(file)

    processes = [booting(file) for _ in range(4)]
    ended = [(*process.communicate(), process.returncode) for process in processes]

    assert [(err, code) for _, err, code in ended] == [("", 0)] * 4
    assert sorted(name for out, _, _ in ended for name in out.split()) == NAMES[4:]
    assert len(copies(file)) == 1


@pytest.mark.thorough
def test_a_boot_that_is_killed_leaves_the_old_registry_or_the_adopted_one(file: Path):
    large(file)
    process = booting(file)
    while not copies(file) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    _, errors = process.communicate()
    assert errors == ""

    applied = migrator.inspect(file).applied
    old = rows(file, "SELECT count(*) FROM contexts WHERE created_at = '2025-10-20 08:00:00'")

    assert (applied, old) in [((), [(1,)]), (tuple(NAMES), [(0,)])]
    migrator.migrate(file)
    assert migrator.check(file).repairs == []
    assert rows(file, "SELECT count(*) FROM connections") == [(60001,)]


async def test_every_list_is_served_from_an_adopted_registry_in_every_order(file: Path):
    legacy_registries.by_hand(file, loosely=True)
    lists = {
        "actors": "ActorOrderField",
        "contexts": "ContextOrderField",
        "installations": "InstallationOrderField",
        "connections": "ConnectionOrderField",
    }

    async with running(file) as api:
        for name, orders in lists.items():
            answer = await api.ask(f'{{ __type(name: "{orders}") {{ enumValues {{ name }} }} }}')
            for each in answer["__type"]["enumValues"]:
                order = f"[{{field: {each['name']}, direction: DESC}}]"
                page = await api.ask(
                    f"{{ {name}(orderBy: {order}) {{ totalCount edges {{ cursor }} }} }}"
                )
                assert page[name]["totalCount"] == len(page[name]["edges"]) == 1


def test_the_report_is_kept_with_the_name_of_the_copy(file: Path):
    legacy_registries.by_hand(file)

    done = migrator.bring_up_to_date(file)

    kept = rows(file, "SELECT table_name, column_name, problem, row_count, backup FROM repairs")
    assert [row[:4] for row in kept] == [
        (each.table, each.column, each.problem, each.rows) for each in done.repairs
    ]
    assert {row[4] for row in kept} == {done.copy} == {path.name for path in copies(file)}
