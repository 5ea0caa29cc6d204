"""Backups of a real cluster of rqlite, and restoring one into a cluster."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.other_programs import rqlite
from tests.support.other_programs.rqlite import Account, Cluster
from tests.support.registries import legacy_registries
from tests.support.registries.backups import contents, names_in, registry
from tests.support.registries.hard_registry import hard_registry
from tests.support.registries.moved_registries import dump, moved
from tests.support.services.commands import command, complaint

PASSWORD = Account().password


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node that asks for a password, and holds an actor from the beginning."""
    folder = tmp_path_factory.mktemp("rqlite")
    with rqlite.cluster(folder / "nodes", account=Account()) as cluster:
        moved(registry(folder / "first.db", "CHITTY-ADA"), cluster.url)
        yield cluster


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the commands."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return registry(tmp_path / "other.db", "CHITTY-EVE")


def test_a_backup_is_a_registry_in_a_file(one: Cluster, here: Path):
    done = command("backup", "copy.db", "--database", one.url)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("copy.db now holds ")
    assert len(names_in(here / "copy.db")) == 1
    assert (here / "copy.db").stat().st_mode & 0o777 == 0o600
    assert command("check", "--database", "copy.db").stdout.endswith("copy.db needs no repair\n")
    assert "version   00" in command("status", "--database", "copy.db").stdout


def test_backups_in_a_folder_are_rotated(one: Cluster, here: Path):
    for _ in range(3):
        done = command("backup", "copies", "--once", "--keep", "2", "--database", one.url)
        assert done.returncode == 0

    assert len(list((here / "copies").glob("rqlite-*.db"))) == 2
    assert len(list((here / "copies").iterdir())) == 2


def test_a_backup_replaces_nothing_unless_that_is_wanted(one: Cluster, here: Path):
    (here / "copy.db").write_text("precious")

    refused = command("backup", "copy.db", "--database", one.url)

    assert "already exists" in complaint(refused)
    assert (here / "copy.db").read_text() == "precious"
    assert command("backup", "copy.db", "--overwrite", "--database", one.url).returncode == 0


def test_a_restored_backup_replaces_what_the_cluster_holds(one: Cluster, here: Path, other: Path):
    command("backup", "before.db", "--database", one.url)

    done = command("restore", other, "--database", one.url)

    assert (done.returncode, done.stderr) == (0, "")
    (kept,) = here.glob("rqlite.before-restore-*.db")
    assert done.stdout.splitlines()[-1] == f"the old database is kept as {kept}"
    assert dump(kept) == dump(here / "before.db")
    assert one.leader().query("SELECT chitty_id FROM actors") == [["CHITTY-EVE"]]
    assert PASSWORD not in done.stdout
    assert "CHITTY-EVE" in command("export", "--jsonl", "actors", "--database", other).stdout
    assert command("restore", "before.db", "--database", one.url).returncode == 0
    assert one.leader().query("SELECT chitty_id FROM actors") == [["CHITTY-ADA"]]


def test_a_restored_cluster_gives_cursors_of_its_own(one: Cluster, here: Path):
    with_key = hard_registry(here / "with_key.db")

    assert command("restore", with_key, "--database", one.url).returncode == 0

    assert one.leader().query("SELECT name FROM server_keys") == []
    assert one.leader().query("SELECT count(*) FROM connections") == [[701]]


def test_a_file_that_is_no_registry_changes_nothing(one: Cluster, here: Path, tmp_path: Path):
    before = one.leader().query("SELECT count(*), max(sequence) FROM changes")
    (tmp_path / "noise.db").write_bytes(b"\0" * 100)
    cut = registry(tmp_path / "cut.db", "CHITTY-ADA")
    cut.write_bytes(cut.read_bytes()[:20_000])
    foreign = legacy_registries.by_hand(tmp_path / "foreign.db")

    for file in (tmp_path / "noise.db", cut, foreign, tmp_path / "none.db"):
        assert str(file) in complaint(command("restore", file, "--database", one.url))

    assert one.leader().query("SELECT count(*), max(sequence) FROM changes") == before
    assert contents(here) == {}


def test_a_wrong_password_is_said_and_not_shown(one: Cluster, here: Path, other: Path):
    wrong = one.url.replace("registry:", "registry:not-")

    for words in (["backup", "copy.db"], ["restore", other]):
        said = complaint(command(*words, "--database", wrong))
        assert "refuses the user or the password" in said
        assert "not-" not in said
    assert contents(here) == {}


def test_a_cluster_that_is_away_is_said(here: Path, other: Path):
    for words in (["backup", "copy.db"], ["restore", other]):
        said = complaint(command(*words, "--database", "rqlite://ada:hunter2@127.0.0.1:1"))
        assert "rqlite://ada:***@127.0.0.1:1 cannot be reached" in said
    assert contents(here) == {}


@pytest.mark.thorough
def test_any_node_of_a_cluster_leads_to_its_leader(tmp_path: Path, here: Path, other: Path):
    with rqlite.cluster(tmp_path / "nodes", 3, account=Account()) as cluster:
        first = cluster.url.partition(",")[0].rpartition(cluster.nodes[0].address)[0]
        urls = [first + node.address for node in cluster.followers()]
        moved(hard_registry(tmp_path / "hard.db"), cluster.url)

        assert command("backup", "copy.db", "--database", urls[0]).returncode == 0
        assert command("restore", other, "--database", urls[1]).returncode == 0
        cluster.wait_until_equal()
        assert [node.query("SELECT chitty_id FROM actors") for node in cluster.nodes] == [
            [["CHITTY-EVE"]]
        ] * 3
        assert command("restore", "copy.db", "--database", urls[0]).returncode == 0
        cluster.wait_until_equal()
        assert [node.query("SELECT count(*) FROM connections") for node in cluster.nodes] == [
            [[701]]
        ] * 3
    assert dump(here / "copy.db") == dump(tmp_path / "hard.db")
