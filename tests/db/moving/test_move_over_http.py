"""Moving a registry to and from engines over HTTP, which are real ones: rqlite, and D1 under workerd."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from db.errors import BootRefused
from tests.support.other_programs import rqlite
from tests.support.other_programs.d1_worker import D1Worker, running_d1_worker
from tests.support.registries.backups import registry
from tests.support.registries.hard_registry import BIG, hard_registry
from tests.support.registries.moved_registries import dump, killed, moved, write
from tests.support.registries.persons import differences
from tests.support.services.commands import command

RENAME = "UPDATE actors SET display_name = 'renamed' WHERE chitty_id = 'CHITTY-ADA'"
NewDatabase = Callable[[str], str]
LONG = pytest.mark.thorough
# The other engine takes longer, and runs the same statements.
ENGINES = ["rqlite", pytest.param("d1", marks=LONG)]


@pytest.fixture(scope="module")
def new_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewDatabase]:
    """The URL of an empty database of an engine, each time another one."""
    with ExitStack() as stack:
        workers: list[D1Worker] = []

        def new(engine: str) -> str:
            folder = tmp_path_factory.mktemp(engine)
            if engine == "file":
                return str(folder / "registry.db")
            if engine == "rqlite":
                return stack.enter_context(rqlite.cluster(folder, account=rqlite.Account())).url
            if not workers:
                workers.append(stack.enter_context(running_d1_worker()))
            return workers[0].new_database()

        yield new


@pytest.fixture
def new_database(new_of_module: NewDatabase) -> NewDatabase:
    return new_of_module


@pytest.fixture
def hard(tmp_path: Path) -> Path:
    return hard_registry(tmp_path / "hard.db")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return registry(tmp_path / "small.db", "CHITTY-ADA", "CHITTY-BEN")


def doing(label: str, work: Callable[[], object]) -> Callable[[str], None]:
    def at(reached: str) -> None:
        if reached == label:
            work()

    return at


@pytest.mark.parametrize("engine", ENGINES)
def test_a_registry_comes_back_as_it_went(
    engine: str, hard: Path, tmp_path: Path, new_database: NewDatabase
):
    there = new_database(engine)

    first = moved(hard, there)
    second = moved(there, tmp_path / "back.db")

    assert second.sha256 == first.sha256
    assert dump(tmp_path / "back.db") == dump(hard)
    assert differences(tmp_path / "back.db") == differences(hard)


@LONG
def test_a_file_on_rqlite_keeps_what_d1_cannot(tmp_path: Path, new_database: NewDatabase):
    hard = hard_registry(tmp_path / "hard.db")
    write(hard, f"UPDATE actors SET session_count = {BIG} WHERE chitty_id = 'CHITTY-TEXT-1'")
    write(hard, f"UPDATE actors SET session_count = {-(2**63)} WHERE chitty_id = 'CHITTY-TEXT-2'")
    there = new_database("rqlite")

    moved(hard, there)
    moved(there, tmp_path / "back.db")

    assert dump(tmp_path / "back.db") == dump(hard)


@LONG
def test_a_registry_that_went_round_all_engines_is_the_same(
    hard: Path, tmp_path: Path, new_database: NewDatabase
):
    places = [new_database(engine) for engine in ("rqlite", "rqlite", "d1", "d1", "rqlite")]
    way = [str(hard), *places, str(tmp_path / "back.db")]

    sums = {moved(one, other).sha256 for one, other in pairwise(way)}

    assert len(sums) == 1
    assert dump(tmp_path / "back.db") == dump(hard)
    assert differences(tmp_path / "back.db") == differences(hard)


@LONG
@pytest.mark.parametrize("engine", ["rqlite", "d1"])
def test_a_move_to_an_engine_goes_on_after_five_kills(
    engine: str, hard: Path, tmp_path: Path, new_database: NewDatabase
):
    there = new_database(engine)

    assert [killed(hard, there, after) for after in (1, 3, 4, 5, 6)] == [-9] * 5
    moved(hard, there)

    moved(there, tmp_path / "back.db")
    assert dump(tmp_path / "back.db") == dump(hard)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_move_to_an_engine_that_has_ended_is_done(
    engine: str, small: Path, new_database: NewDatabase
):
    there = new_database(engine)
    assert killed(small, there, 2 * 5 + 1) == -9

    assert moved(small, there).was_done


@pytest.mark.parametrize("engine", ENGINES)
def test_half_a_registry_on_an_engine_is_served_by_nobody(
    engine: str, small: Path, new_database: NewDatabase
):
    there = new_database(engine)
    killed(small, there, 5)

    for words in (["status"], ["migrate"], ["serve"]):
        done = command(*words, "--database", there)
        assert done.returncode == 1, words
        assert "`chittygraph move` has not finished" in done.stderr, words


@pytest.mark.parametrize("engine", ENGINES)
def test_a_registry_on_an_engine_is_never_moved_over(
    engine: str, small: Path, tmp_path: Path, new_database: NewDatabase
):
    there = new_database(engine)
    moved(small, there)

    with pytest.raises(BootRefused, match="holds a registry"):
        moved(registry(tmp_path / "other.db", "CHITTY-EVE"), there)


@pytest.mark.parametrize(
    "label",
    [
        pytest.param("copying contexts", marks=LONG),
        pytest.param("verifying contexts", marks=LONG),
        "verifying server_keys",
    ],
)
def test_a_source_on_an_engine_that_changes_meanwhile_is_noticed(
    label: str, small: Path, tmp_path: Path
):
    with rqlite.cluster(tmp_path / "nodes") as cluster:
        moved(small, cluster.url)
        at = doing(label, lambda: cluster.leader().execute(RENAME))

        with pytest.raises(BootRefused, match="--restart"):
            moved(cluster.url, tmp_path / "back.db", at)


def test_nobody_writes_to_half_a_registry_on_an_engine(small: Path, tmp_path: Path):
    with rqlite.cluster(tmp_path / "nodes") as cluster:
        killed(small, cluster.url, 5)

        (answer,) = cluster.leader().execute(
            "INSERT INTO applied_writes (operation, at) VALUES ('one', 'now')"
        )

    assert "chittygraph move has not finished" in answer["error"]


@LONG
def test_a_move_goes_on_when_leaders_die(hard: Path, tmp_path: Path):
    with rqlite.cluster(tmp_path / "nodes", 3) as cluster:
        dead: list[rqlite.Node] = []

        def replace_the_leader() -> None:
            for node in dead:
                node.start()
                node.wait_until_ready()
            dead[:] = [cluster.leader()]
            dead[0].kill()

        labels = {"copying connections", "copying changes", "verifying changes"}
        moved(hard, cluster.url, lambda label: replace_the_leader() if label in labels else None)
        replace_the_leader()
        moved(
            cluster.url,
            tmp_path / "back.db",
            lambda label: replace_the_leader() if label in labels else None,
        )

    assert dump(tmp_path / "back.db") == dump(hard)


@LONG
def test_integers_that_d1_would_change_are_named_before_anything_is_copied(
    small: Path, new_database: NewDatabase
):
    write(small, f"UPDATE actors SET session_count = {BIG} WHERE chitty_id = 'CHITTY-BEN'")
    there = new_database("d1")

    with pytest.raises(BootRefused, match=r"actors\.session_count CHITTY-BEN"):
        moved(small, there)
    assert "does not exist yet" in command("status", "--database", there).stdout


@LONG
def test_rows_that_d1_has_no_room_for_are_named_before_anything_is_copied(
    small: Path, new_database: NewDatabase
):
    write(small, "UPDATE actors SET email = printf('%.*c', 1500000, '\"')")

    with pytest.raises(BootRefused, match="more than it takes in one row"):
        moved(small, new_database("d1"))
